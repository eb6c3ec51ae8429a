"""A version's model card: what it is for, how good and for whom, and what one may do with it.

`model_card.md` and `model_card.html` stand among the version's files; the same text is its
description, which MLflow's UI shows.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .. import page
from ..emotions import EMOTIONS
from ..evaluation import metrics
from ..evaluation.bootstrap import Bootstrap, Interval
from ..settings import Settings

__all__ = ["Subject", "description", "html", "markdown"]

#: of `description`, in MLflow's database
_LONGEST = 5000

_INPUTS = {"audio": "sound", "visual": "the face", "fused": "sound and the face"}
_METRICS = {
    "uar": "unweighted average recall (UAR)",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
}
_LOUD = (
    "**Trained on the synthetic sample corpus, spoken and drawn by programs. It knows no people, "
    "and no figure below says anything about accuracy. Use it for nothing but trying avemo.**"
)
_PROTOCOLS = {
    "actor": "No actor is in two parts, and the test part was looked at once.",
    "random": "Parts were drawn by performance: actors are in several parts, so that the figures "
    "flatter it where the speaker is new.",
}


@dataclass(frozen=True)
class Subject:
    """What a card is about.

    Args:
        name: of the registered model
        trained: the description in the model's bundle
        lineage: see `tracking.lineage`; empty where the run has none
        predictions: on the test part; None where it has none
        licences: of the pretrained weights inside
    """

    name: str
    trained: dict[str, Any]
    lineage: dict[str, Any]
    predictions: pd.DataFrame | None
    licences: str


def markdown(subject: Subject, settings: Settings) -> str:
    """The card."""
    trained = subject.trained
    parts = [
        f"# {subject.name}: emotion from {_INPUTS[trained['modality']]}",
        *([f"> {_LOUD}"] if trained["synthetic"] else []),
        _purpose(subject),
        *_figures(subject, settings),
        "## Data and protocol",
        _data(subject, settings),
        "## Limits",
        _limits(subject),
        "## Licences",
        _licences(subject),
        "## Use",
        _use(subject),
        "## What made it",
        _made(subject),
    ]
    return "\n\n".join(parts) + "\n"


def html(subject: Subject, text: str) -> str:
    """The card as a page."""
    return page.html(subject.name, text, {})


def description(text: str) -> str:
    """As much of the card as MLflow's database takes."""
    if len(text) <= _LONGEST:
        return text
    rest = "\n\nThe rest is in `model_card.md`.\n"
    return text[: _LONGEST - len(rest)].rpartition("\n\n")[0] + rest


def _purpose(subject: Subject) -> str:
    takes = _INPUTS[subject.trained["modality"]]
    emotions = ", ".join(subject.trained["classes"])
    return (
        f"Names the acted emotion in a short clip from {takes}, with a probability for each of "
        f"{len(subject.trained['classes'])}: {emotions}. Made for research on acted speech and "
        "song. Not made to judge how a person feels, nor for decisions about people."
    )


def _figures(subject: Subject, settings: Settings) -> list[str]:
    rows = subject.predictions
    if rows is None:
        return ["## Figures", "The test part held no performance of it: there are none."]
    found = _intervals(rows, settings)
    held = f"{len(rows)} performances of {rows['actor'].nunique()} actors"
    sure = f"{settings.evaluation.confidence:.0%} intervals over drawn actors"
    whole = [(text, str(found[name])) for name, text in _METRICS.items()]
    emotions = [
        (name, str(rows["true"].eq(name).sum()), str(found[f"recall_{name}"]))
        for name in EMOTIONS
        if f"recall_{name}" in found
    ]
    error, loss = found["calibration_error"], found["log_loss"]
    temperature = f"{subject.trained.get('temperature', 1):.2f}"
    guessing = f"Guessing has a UAR of {metrics.chance_level(rows['true']):.3f}."
    return [
        "## Figures",
        f"On the test part: {held}; {sure}. {guessing}",
        page.table(("", "figure"), whole),
        page.table(("emotion", "performances", "recall"), emotions),
        page.table(("", "performances", "UAR", "accuracy"), _sexes(rows, settings)),
        f"Calibration: expected calibration error {error}, log-loss {loss}, after a temperature of "
        f"{temperature}.",
    ]


def _sexes(rows: pd.DataFrame, settings: Settings) -> list[tuple[str, ...]]:
    women = rows["actor"] % 2 == 0  # RAVDESS numbers men odd and women even
    lines: list[tuple[str, ...]] = []
    for name, part in (("women", rows[women]), ("men", rows[~women])):
        if len(part):
            found = _intervals(part, settings)
            lines.append((name, str(len(part)), str(found["uar"]), str(found["accuracy"])))
    return lines


def _intervals(rows: pd.DataFrame, settings: Settings) -> dict[str, Interval]:
    return metrics.intervals(rows, Bootstrap.from_settings(settings))


def _data(subject: Subject, settings: Settings) -> str:
    trained, lineage = subject.trained, subject.lineage
    corpus = settings.corpus.label
    count = len(lineage.get("recordings", {}))
    of = f"{count} recordings" if count else "recordings"
    amount = trained["trained_on"]
    protocol = lineage.get("protocol", settings.split.protocol)
    return (
        f"Corpus: {corpus}, {of}. Trained on {amount['performances']} performances of "
        f"{amount['actors']} actors; split {trained['split']}, protocol {protocol}. "
        f"{_PROTOCOLS[protocol]} {_chosen(subject)}"
    )


def _chosen(subject: Subject) -> str:
    names = Counter(one["architecture"] for one in subject.trained["members"])
    members = ", ".join(f"{name} × {times}" for name, times in names.items())
    features = ", ".join(sorted(subject.trained["features"]))
    return f"Networks, whose mean is the answer: {members}, on {features}."


def _limits(subject: Subject) -> str:
    limits = subject.trained["limits"]
    rows = subject.predictions
    few = rows is not None and rows["actor"].nunique() < 6
    said = [
        "Emotions that are acted, by professionals, in two English sentences, in a studio, are "
        "easier than those of life: expect less elsewhere, with noise, in other languages, with "
        "several people in a clip.",
        f"Clips under {limits['min_duration_s']} s, silent ones and those that do not decode get "
        "a finding in place of an answer.",
    ]
    if few:
        said.append("The test part has few actors: see how wide the intervals are.")
    return "\n".join(f"- {one}" for one in said)


def _licences(subject: Subject) -> str:
    said = (
        []
        if subject.trained["synthetic"]
        else [
            "Recordings: RAVDESS, CC BY-NC-SA 4.0 (doi 10.5281/zenodo.1188976), where they are "
            "RAVDESS's: it binds what you do with this model; no commercial use."
        ]
    )
    said.append(f"Pretrained weights inside: {subject.licences or 'none'}.")
    said.append("Code: Apache-2.0.")
    return "\n".join(f"- {one}" for one in said)


def _use(subject: Subject) -> str:
    return (
        "```python\n"
        "import mlflow, pandas\n"
        "from pathlib import Path\n"
        f'model = mlflow.pyfunc.load_model("models:/{subject.name}@champion")\n'
        'model.predict(pandas.DataFrame({"media": [Path("clip.mp4")]}))  # or its bytes\n'
        "```\n\n"
        "Text is taken as a file's content in base64, never as a path: so JSON brings it to "
        "`mlflow models serve`. A row a clip: emotion, probability, p_neutral to p_surprised; or "
        "finding and reason. `requirements.txt` lists all that it needs."
    )


def _made(subject: Subject) -> str:
    lineage = subject.lineage
    if not lineage:
        return "Its run wrote no lineage."
    dirty = " with changes that were not committed" if lineage["dirty"] else ""
    return (
        f"Commit {lineage['commit'] or 'none'}{dirty}; run {lineage['run_id']}, {lineage['time']}; "
        f"seed {lineage['seed']}. `lineage.json` has the rest: `avemo lineage "
        f"models:/{subject.name}@champion` shows it, `avemo rebuild` makes it again."
    )
