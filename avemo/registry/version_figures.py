"""How good a version is on the test part, with an interval for each figure."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ..corpus.adapters.registry import corpus_title
from ..evaluation import metrics
from ..evaluation.abstention import selective_figures
from ..evaluation.bootstrap import Bootstrap
from ..evaluation.conformal import set_figures
from ..records import BundleConfig, Interval

__all__ = ["VersionFigures", "compute_figures"]

_METRICS = {
    "uar": "unweighted average recall (UAR)",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
}


@dataclass(frozen=True)
class VersionFigures:
    """How good a version is on the test part.

    Args:
        chance_level: the UAR of guessing
        totals: a row a metric
        emotions: a row an emotion: performances and recall
        sexes: a row a sex: performances, UAR and accuracy
        unheard: of each corpus that it was not trained on, its title, performances, actors, UAR,
            and that of guessing
        selective: what the model's thresholds do, see `evaluation.abstention` and `conformal`
    """

    performances: int
    actors: int
    confidence: float
    chance_level: float
    totals: list[tuple[str, Interval]]
    emotions: list[tuple[str, int, Interval]]
    sexes: list[tuple[str, int, Interval, Interval]]
    calibration_error: Interval
    log_loss: Interval
    unheard: list[tuple[str, int, int, Interval, float]]
    selective: dict[str, Interval]


def compute_figures(
    rows: pd.DataFrame, bundle: BundleConfig, bootstrap: Bootstrap
) -> VersionFigures:
    """Return the figures of a version.

    Args:
        rows: its predictions on the test part
        bundle: what its bundle says of the model
        bootstrap: of the intervals
    """
    figures = metrics.intervals(rows, bootstrap)
    sexes = []
    for name, sex in (("women", "female"), ("men", "male")):
        own = rows[rows["sex"].eq(sex)]
        if len(own):
            by_sex = metrics.intervals(own, bootstrap)
            sexes.append((name, len(own), by_sex["uar"], by_sex["accuracy"]))
    return VersionFigures(
        performances=len(rows),
        actors=rows["actor"].nunique(),
        confidence=bootstrap.confidence,
        chance_level=metrics.chance_level(rows["true"]),
        totals=[(text, figures[name]) for name, text in _METRICS.items()],
        emotions=[
            (name, int(rows["true"].eq(name).sum()), figures[f"recall_{name}"])
            for name in bundle.classes
            if f"recall_{name}" in figures
        ],
        sexes=sexes,
        calibration_error=figures["calibration_error"],
        log_loss=figures["log_loss"],
        unheard=list(_unheard_corpora(rows, bundle, bootstrap)),
        selective=_selective(rows, bundle, bootstrap),
    )


def _unheard_corpora(
    rows: pd.DataFrame, bundle: BundleConfig, bootstrap: Bootstrap
) -> Iterator[tuple[str, int, int, Interval, float]]:
    """Yield how the model does on each corpus that it was not trained on."""
    trained_on = bundle.trained_on.corpora
    for corpus, own in rows.groupby("corpus") if trained_on and "corpus" in rows else ():
        if corpus not in trained_on:
            uar = metrics.intervals(own, bootstrap)["uar"]
            guessing = metrics.chance_level(own["true"])
            yield corpus_title(str(corpus)), len(own), own["actor"].nunique(), uar, guessing


def _selective(
    rows: pd.DataFrame, bundle: BundleConfig, bootstrap: Bootstrap
) -> dict[str, Interval]:
    figures: dict[str, Interval] = {}
    if bundle.abstention:
        figures |= selective_figures(rows, bundle.abstention.threshold, bootstrap)
    if bundle.conformal_sets:
        figures |= set_figures(rows, bundle.conformal_sets.threshold, bootstrap)
    return figures
