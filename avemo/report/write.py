"""docs/results.md, docs/results.html and docs/experiments.md, out of what is kept alone."""

from pathlib import Path

import pandas as pd

from ..evaluation import plots as common
from ..evaluation.metrics import chance_level
from ..files import whole
from ..page import code, html, table
from ..settings import Settings
from . import baselines, champion, experiments, fusions, kept, plots
from .facts import PREDICTIONS, UNCALIBRATED, Run
from .judged import Judged, caption, judge

__all__ = ["DOCS", "NAME", "text", "write"]

#: in a checkout
DOCS = Path("docs")
#: `results.md`, `results.html`, and `results/` with the figures
NAME = "results"

#: in a figure's title
_SYNTHETIC = " · synthetic sample"


def write(root: Path, settings: Settings) -> list[str]:
    """Write the pages anew; the same kept files make the same bytes.

    Args:
        root: of the checkout
        settings: the whole; `evaluation` and `seed` say how sure the figures are

    Returns:
        the pages, below the root

    Raises:
        AvemoError: nothing is kept, or a file is damaged; then nothing is written
    """
    judged = judge(kept.read(root / kept.FOLDER), settings)
    markdown = text(judged, fusions.read(root))
    pictures = {f"{NAME}/{name}.svg": drawn for name, drawn in _figures(judged).items()}
    page = html("Results", markdown, pictures)
    with whole(root / DOCS / NAME) as beside:
        beside.mkdir()
        for name, drawn in pictures.items():
            (beside / Path(name).name).write_bytes(drawn)
    pages = {f"{NAME}.md": markdown, f"{NAME}.html": page}
    best = judged.kept.facts.champion
    if best and best.trials:
        pages["experiments.md"] = experiments.text(best)
    for name, content in pages.items():
        with whole(root / DOCS / name) as beside:
            beside.write_text(content, encoding="utf-8")
    return [(DOCS / name).as_posix() for name in pages]


def text(judged: Judged, fused: pd.DataFrame | None = None) -> str:
    """The page, in Markdown.

    Args:
        judged: what is kept of sound
        fused: what is kept of sound and picture, alone and joined
    """
    best = judged.kept.facts.champion
    out = ["# Results"]
    if baselines.synthetic(judged) or (best and best.synthetic):
        out.append(
            "> **Synthetic.** What is marked so below is of the synthetic sample, made on the "
            "spot: it says nothing about people or about accuracy."
        )
    if best:
        out += champion.headline(judged, best)
    else:
        out.append(
            "There is no champion yet whose predictions are kept: set `search.budget: full` in "
            "`params.yaml`, then `dvc repro`, the same in `study/`, and `avemo report --keep`."
        )
    how = judged.settings.evaluation
    out += [
        "UAR is the unweighted average recall: every emotion counts alike. In brackets is the "
        f"{how.confidence:.0%} interval of {how.resamples:,} draws of the actors: how far the "
        "figure would vary if others had been recorded. Whole actors are drawn, for clips of one "
        "actor are alike; of a single actor there is no interval.",
        "Nothing was chosen on the fold that it is reported on: the champion's configuration, its "
        "members and its temperature come from the other folds' actors; a baseline's variant and "
        "the epoch it stopped in come from a validation part.",
        "`avemo report` made this page, from the predictions in `results/` and nothing else; "
        "`avemo report --keep` takes over those of newer runs."
        + " What was tried on the way is in [experiments.md](experiments.md)."
        * bool(best and best.trials),
        "## Baselines",
        *baselines.sections(judged),
        "![accuracy of every system with its interval](results/accuracies.svg)",
    ]
    if best:
        out += ["## The champion by fold", *champion.folds(judged, best)]
        out += ["## By emotion", *champion.emotions(judged, best)]
        out += ["## By sex", *champion.sexes(judged, best)]
        out += ["## Calibration", *champion.calibration(judged, best)]
    if fused is not None:
        out += ["## Sound and picture", *fusions.section(fused, judged.settings)]
    out += ["## The runs behind it", *_runs(judged)]
    return "\n\n".join(out) + "\n"


def _figures(judged: Judged) -> dict[str, bytes]:
    """By name, as SVG."""
    best, figures = judged.kept.facts.champion, {}
    accuracies, synthetic = baselines.accuracies(judged)
    if best:
        rows, found = judged.kept.tables[PREDICTIONS], judged.figures[PREDICTIONS]
        accuracies = {"the champion": {plots.ACTOR: found["accuracy"]}} | accuracies
        synthetic |= best.synthetic
        uars = {"all actors": found["uar"]} | {
            f"fold {fold.fold}": judged.of(rows[rows["fold"].eq(fold.fold)])["uar"]
            for fold in best.folds
        }
        both = {"before the temperature": judged.kept.tables[UNCALIBRATED], "after": rows}
        loud = _SYNTHETIC * best.synthetic
        by_guessing = chance_level(rows["true"])
        figures["folds"] = common.comparison(uars, f"Every fold{loud}", chance=by_guessing)
        figures["confusion"] = common.confusion(rows, f"Unseen actors{loud}")
        figures["reliability"] = plots.reliability(both, f"Calibration{loud}")
    figures["accuracies"] = plots.accuracies(accuracies, f"Accuracy{_SYNTHETIC * synthetic}")
    return {name: plots.svg(figure) for name, figure in figures.items()}


def _runs(judged: Judged) -> list[str]:
    facts = judged.kept.facts
    made: list[tuple[Run, str]] = []
    if best := facts.champion:
        made += [(run, best.corpus) for run in (best.run, *(fold.run for fold in best.folds))]
    for system in baselines.systems(judged):
        made += [(one.run, system.corpus) for one in system.runs]
    lines = [
        (run.experiment, run.run_name, code(run.run_id), _commit(run), corpus)
        for run, corpus in made
    ]
    synthetic = all("synthetic" in corpus for _, corpus in made)
    return [
        caption("The runs in MLflow that made the predictions.", synthetic),
        table(("experiment", "run", "id", "commit", "corpus"), lines),
    ]


def _commit(run: Run) -> str:
    return (code(run.commit[:12]) if run.commit else "none") + " and changes" * run.changed
