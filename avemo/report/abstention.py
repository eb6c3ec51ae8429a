"""The champion's abstention: when it is not sure, what it promises, and whether that holds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..evaluation.abstention import risk_coverage, select_threshold, selective_figures
from ..evaluation.conformal import fit_sets, set_figures
from ..records import Abstention, ConformalSets, Interval
from .manifest import Champion
from .scored import Scored

__all__ = ["AbstentionTables", "select", "tables"]

#: shares of right answers that the page shows the price of
_TARGETS = (0.75, 0.8, 0.85, 0.9, 0.95)

Row = tuple[object, ...]


@dataclass(frozen=True)
class AbstentionTables:
    """What the page shows of abstention and of conformal sets.

    Args:
        abstention: selected on all actors
        aurc: the area under the risk-coverage curve
        targets: what each target costs
        folds: a row a fold: the threshold that the other folds select, and what it does to this
            fold; none where there is a single fold
        nested: figures of all folds together, each under the thresholds of the others
        sets: fitted on all actors
    """

    abstention: Abstention
    aurc: float
    targets: list[Row]
    folds: list[Row]
    nested: dict[str, Interval]
    sets: ConformalSets


def tables(scored: Scored, champion: Champion) -> AbstentionTables:
    """Return what the page shows of a champion."""
    rows, limits = scored.published.predictions[champion.predictions], scored.limits
    folds, nested = _nested(scored, rows) if rows["fold"].nunique() > 1 else ([], {})
    return AbstentionTables(
        abstention=select(scored, rows, limits.min_accuracy),
        aurc=risk_coverage(rows).area,
        targets=list(_targets(scored, rows)),
        folds=folds,
        nested=nested,
        sets=fit_sets(rows, limits.set_coverage),
    )


def _nested(scored: Scored, rows: pd.DataFrame) -> tuple[list[Row], dict[str, Interval]]:
    """Return a row a fold and the figures of all folds, each under the others' thresholds."""
    limits = scored.limits
    thresholds, set_thresholds = np.zeros(len(rows)), np.zeros(len(rows))
    folds: list[Row] = []
    for fold in sorted(rows["fold"].unique()):
        in_fold = rows["fold"].eq(fold).to_numpy()
        selected = select(scored, rows[~in_fold], limits.min_accuracy)
        thresholds[in_fold] = selected.threshold
        set_thresholds[in_fold] = fit_sets(rows[~in_fold], limits.set_coverage).threshold
        figures = selective_figures(rows[in_fold], selected.threshold, scored.bootstrap)
        folds.append(_fold(fold, selected, figures))
    nested = selective_figures(rows, thresholds, scored.bootstrap)
    folds.append(("all", "", nested["coverage"], nested.get("selective_accuracy", "–")))
    return folds, nested | set_figures(rows, set_thresholds, scored.bootstrap)


def select(scored: Scored, rows: pd.DataFrame, target: float) -> Abstention:
    """Return the threshold for predictions.

    Args:
        scored: its settings say the least coverage
        rows: predictions
        target: the share of right answers that it must reach
    """
    coverage = scored.limits.min_coverage
    return select_threshold(rows, scored.bootstrap, target=target, min_coverage=coverage)


def _fold(fold: int, selected: Abstention, figures: dict[str, Interval]) -> Row:
    threshold = f"{selected.threshold:.2f}" + ("" if selected.reached else " (target not reached)")
    return f"{fold}", threshold, figures["coverage"], figures.get("selective_accuracy", "–")


def _targets(scored: Scored, rows: pd.DataFrame) -> Iterator[Row]:
    """Return what the threshold of each target answers, and how well."""
    for target in sorted({*_TARGETS, scored.limits.min_accuracy}):
        selected = select(scored, rows, target)
        cells = ["not reached", "–", "–", "–"]
        if selected.reached:
            cells = [f"{selected.threshold:.2f}", f"{selected.coverage:.1%}"]
            cells += [f"{selected.accuracy:.3f}", f"{selected.accuracy_low:.3f}"]
        yield f"{target:.0%}", *cells
