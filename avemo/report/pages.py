"""docs/results.md, docs/results.html and docs/experiments.md, from the published predictions."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..evaluation import plots as common
from ..evaluation.abstention import risk_coverage, selective_figures
from ..evaluation.bootstrap import Bootstrap
from ..evaluation.metrics import chance_level
from ..io import atomic_write
from ..page import code, html
from ..settings import Settings
from ..templates import render
from . import abstention, adaptation, baselines, champion, channels, fusions, plots, published
from .experiments import render_experiments
from .manifest import Champion, Run
from .scored import Scored, score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DOCS", "NAME", "render_results", "write_pages"]

#: in a checkout
DOCS = Path("docs")
#: `results.md`, `results.html`, and `results/` with the figures
NAME = "results"

#: in a figure's title
_SYNTHETIC = " · synthetic sample"


def write_pages(root: Path, settings: Settings) -> list[str]:
    """Write the pages anew; the same published predictions give the same bytes.

    Args:
        root: of the checkout
        settings: `evaluation` and `seed` say how the intervals are made, `abstention` what a
            threshold must reach

    Returns:
        the pages, relative to the root

    Raises:
        AvemoError: nothing is published, or a file is damaged; then nothing is written
    """
    bootstrap = Bootstrap.from_settings(settings)
    scored = score(published.read(root / published.FOLDER), bootstrap, settings.abstention)
    results = adaptation.read(root)
    adapted = adaptation.tables(results, bootstrap) if results else None
    markdown = render_results(scored, fusions.read(root), adapted)
    figures = _figures(scored)
    if adapted:
        curves = {"sound": adapted.uars, "sound and picture": adapted.fused_uars}
        figures["adaptation"] = plots.svg(plots.adaptation(curves, "Adaptation to a speaker"))
    pictures = {f"{NAME}/{name}.svg": content for name, content in figures.items()}
    pages = {f"{NAME}.md": markdown, f"{NAME}.html": html("Results", markdown, pictures)}
    searched = [best for best in scored.published.manifest.champions if best.trials]
    if searched:
        pages["experiments.md"] = render_experiments(searched)
    with atomic_write(root / DOCS / NAME) as beside:
        beside.mkdir()
        for name, content in pictures.items():
            (beside / Path(name).name).write_bytes(content)
    for name, text in pages.items():
        with atomic_write(root / DOCS / name) as beside:
            beside.write_text(text, encoding="utf-8")
    return [(DOCS / name).as_posix() for name in pages]


def render_results(
    scored: Scored,
    fused: pd.DataFrame | None = None,
    adapted: adaptation.AdaptationTables | None = None,
) -> str:
    """Return docs/results.md.

    Args:
        scored: what is published of sound
        fused: what is published of sound and picture, each alone and joined
        adapted: what adaptation to a speaker is worth
    """
    headline = scored.published.manifest.headline
    best = champion.tables(scored, headline) if headline else None
    runs = _runs(scored)
    return render(
        "avemo.report",
        "results.md.j2",
        synthetic=baselines.is_synthetic(scored) or bool(best and best.synthetic),
        champion=best,
        abstention=abstention.tables(scored, headline) if headline else None,
        adaptation=adapted,
        channels=channels.tables(scored),
        baselines=baselines.tables(scored),
        bootstrap=scored.bootstrap,
        fusions=[] if fused is None else fusions.tables(fused, scored.bootstrap),
        fusions_file=fusions.FILE,
        runs=[
            (run.experiment, run.run_name, code(run.run_id), _commit(run), corpus)
            for run, corpus in runs
        ],
        runs_synthetic=all("synthetic" in corpus for _, corpus in runs),
    )


def _figures(scored: Scored) -> dict[str, bytes]:
    """Return the figures as SVG, by name."""
    manifest = scored.published.manifest
    headline = manifest.headline
    figures = _champion_figures(scored, headline) if headline else {}
    systems, synthetic = baselines.accuracies(scored)
    synthetic |= any(best.synthetic for best in manifest.champions)
    champions = {
        f"the champion, {best.channel}": {plots.ACTOR: scored.figures[best.predictions]["accuracy"]}
        for best in manifest.champions
    }
    title = f"Accuracy{_SYNTHETIC * synthetic}"
    figures["accuracies"] = plots.accuracies(champions | systems, title)
    return {name: plots.svg(figure) for name, figure in figures.items()}


def _champion_figures(scored: Scored, best: Champion) -> "dict[str, Figure]":
    """Return the figures of the headline, by name."""
    rows = scored.published.predictions[best.predictions]
    uars = {"all actors": scored.figures[best.predictions]["uar"]} | {
        f"fold {fold.fold}": scored.score(rows[rows["fold"].eq(fold.fold)])["uar"]
        for fold in best.folds
    }
    stages = {
        "before temperature scaling": scored.published.predictions[best.uncalibrated],
        "after": rows,
    }
    suffix = _SYNTHETIC * best.synthetic
    chance = chance_level(rows["true"])
    return {
        "folds": common.plot_comparison(uars, f"Every fold{suffix}", chance=chance),
        "confusion": common.plot_confusion(rows, f"Unseen actors{suffix}"),
        "risk_coverage": _risk_coverage(scored, rows, f"Abstention{suffix}"),
        "reliability": plots.reliability(stages, f"Calibration{suffix}"),
    }


def _risk_coverage(scored: Scored, rows: pd.DataFrame, title: str) -> "Figure":
    selected = abstention.select(scored, rows, scored.limits.min_accuracy)
    figures = selective_figures(rows, selected.threshold, scored.bootstrap)
    return common.plot_risk_coverage(risk_coverage(rows), figures, selected, title)


def _runs(scored: Scored) -> list[tuple[Run, str]]:
    """Return every run that made predictions, with its corpus; a champion's with its channel."""
    runs: list[tuple[Run, str]] = []
    for best in scored.published.manifest.champions:
        corpus = f"{best.corpus}, {best.channel}"
        runs += [(run, corpus) for run in (best.run, *(fold.run for fold in best.folds))]
    for system in baselines.systems(scored):
        runs += [(baseline.run, baseline.corpus) for baseline in system.runs]
    return runs


def _commit(run: Run) -> str:
    return (code(run.commit[:12]) if run.commit else "none") + " and changes" * run.changed
