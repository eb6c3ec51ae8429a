"""The champion's whole procedure: how good it is, on whom, and how sure."""

from collections import Counter

from ..corpus.adapters.ravdess import CHANNELS
from ..emotions import EMOTIONS
from ..page import table
from .facts import PREDICTIONS, UNCALIBRATED, Champion
from .judged import Judged, caption

__all__ = ["calibration", "emotions", "folds", "headline", "sexes"]

#: UAR on speech of unseen actors
_MARKS = (
    ("best published honest figure: a frozen encoder of 300 million parameters", 0.82),
    ("Whisper tiny.en as it is given, with a linear classifier", 0.751),
)


def headline(judged: Judged, champion: Champion) -> list[str]:
    """The one figure, and the marks that it is held against."""
    rows, found = judged.kept.tables[PREDICTIONS], judged.figures[PREDICTIONS]
    there = set(rows["channel"])
    channels = " and ".join(name for name in CHANNELS.values() if name in there)
    text = (
        f"**UAR {found['uar']}, accuracy {found['accuracy']}**: emotion from sound alone, "
        f"{channels}, {rows['true'].nunique()} emotions, {len(rows):,} performances of "
        f"{rows['actor'].nunique()} actors, each answered for by models that have not heard the "
        "actor."
    )
    if champion.synthetic:
        text = "**On the synthetic sample:** " + text
    if there != {"speech"}:
        return [text]
    lines = [("the champion", str(found["uar"])), *((name, f"{mark:g}") for name, mark in _MARKS)]
    about = "UAR on speech of unseen actors, and the marks that it is held against."
    return [text, caption(about, champion.synthetic), table(("", "UAR"), lines)]


def folds(judged: Judged, champion: Champion) -> list[str]:
    """Every fold, with what was chosen for it."""
    rows = judged.kept.tables[PREDICTIONS]
    lines, choices = [], []
    for fold in champion.folds:
        tested = rows[rows["fold"].eq(fold.fold)]
        found = judged.of(tested)
        actors = ", ".join(f"{actor:02d}" for actor in sorted(fold.actors))
        figures = found["uar"], found["accuracy"]
        lines.append((f"{fold.fold}", actors, f"{len(tested):,}", *figures))
        members = ", ".join(f"{name} × {n}" for name, n in Counter(fold.members).items())
        choices.append((fold.fold, f"{fold.inner_uar:.3f}", f"{fold.temperature:.2f}", members))
    whole = judged.figures[PREDICTIONS]
    everyone = f"all {rows['actor'].nunique()}"
    lines.append(("all", everyone, f"{len(rows):,}", whole["uar"], whole["accuracy"]))
    about = "Each fold of actors, tested once."
    chosen = "What was chosen for each fold, on the other actors alone."
    return [
        caption(about, champion.synthetic),
        table(("fold", "actors", "performances", "UAR", "accuracy"), lines),
        "![UAR of every fold with its interval](results/folds.svg)",
        caption(chosen, champion.synthetic),
        table(("fold", "UAR on the other actors", "temperature", "members"), choices),
        "A fold's answer is the mean of its members'; the configuration of each is in "
        "`results/audio/runs.json`.",
    ]


def emotions(judged: Judged, champion: Champion) -> list[str]:
    """What is recognised, and what is taken for what."""
    rows, found = judged.kept.tables[PREDICTIONS], judged.figures[PREDICTIONS]
    lines = [
        (emotion, f"{rows['true'].eq(emotion).sum():,}", found[f"recall_{emotion}"])
        for emotion in EMOTIONS
        if f"recall_{emotion}" in found
    ]
    return [
        caption("The share of each emotion's performances that is recognised.", champion.synthetic),
        table(("emotion", "performances", "recall"), lines),
        "![confusion matrix](results/confusion.svg)",
    ]


def sexes(judged: Judged, champion: Champion) -> list[str]:
    """Whether men and women are recognised alike."""
    lines = []
    for sex, rows in judged.kept.tables[PREDICTIONS].groupby("sex"):
        found = judged.of(rows)
        actors = rows["actor"].nunique()
        lines.append((sex, actors, f"{len(rows):,}", found["uar"], found["accuracy"]))
    return [
        caption("Women and men.", champion.synthetic),
        table(("", "actors", "performances", "UAR", "accuracy"), lines),
    ]


def calibration(judged: Judged, champion: Champion) -> list[str]:
    """Whether a probability of 0.8 is right in 8 of 10."""
    before, after = judged.figures[UNCALIBRATED], judged.figures[PREDICTIONS]
    names = {"calibration_error": "expected calibration error", "log_loss": "log-loss"}
    lines = [(text, before[name], after[name]) for name, text in names.items()]
    return [
        "Each fold's probabilities are tempered by one number, fitted on the other actors. It "
        "changes how sure an answer is, and never which it is.",
        caption("Before and after the temperature; less is better.", champion.synthetic),
        table(("", "before", "after"), lines),
        "![share of right answers against the answer's probability](results/reliability.svg)",
    ]
