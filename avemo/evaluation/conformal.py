"""Conformal sets: the emotions that a prediction cannot exclude.

A set holds the emotions whose probability is at least a threshold (least ambiguous sets, LAC). The
threshold is the quantile of split conformal prediction, on out-of-fold predictions, in the form for
grouped data: clips of one actor are alike and thus not exchangeable with those of another, but
actors are taken to be exchangeable. Each actor has the same weight, and the new actor one more.

So the coverage is marginal: it holds on average over actors and clips like those of the corpus, not
for every actor, and not for every emotion.

Sources:
    V. Vovk, A. Gammerman, G. Shafer: Algorithmic learning in a random world. Springer 2005
    M. Sadinle, J. Lei, L. Wasserman: Least ambiguous set-valued classifiers with bounded error
    levels. JASA 114, 2019 (LAC)
    Y. Lee, R. F. Barber, R. Willett: Distribution-free inference with hierarchical data. 2023
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..records import ConformalSets, Interval
from .abstention import Threshold
from .bootstrap import Bootstrap
from .metrics import class_codes, classes_of, probabilities, require_columns

__all__ = ["fit_sets", "set_figures"]

#: sums of the actors' weights may miss the exact value by so much
_ROUNDING = 1e-9


def fit_sets(predictions: pd.DataFrame, coverage: float) -> ConformalSets:
    """Return the highest threshold whose sets hold the right emotion often enough.

    Args:
        predictions: a row a performance, of actors that the model was not trained on
        coverage: how often, for a clip of a new actor; with N actors at most N / (N + 1) can be
            had, and above that every set holds every emotion

    Raises:
        ValueError: there are no rows, or a column is missing
    """
    true_probabilities, actor = _probabilities_of_truth(predictions)
    performances = np.bincount(actor)
    weights = 1 / ((len(performances) + 1) * performances[actor])
    order = np.argsort(-true_probabilities, kind="stable")
    covered = np.cumsum(weights[order]) >= coverage - _ROUNDING
    threshold = float(true_probabilities[order][covered.argmax()]) if covered.any() else 0.0
    sizes = _in_set(probabilities(predictions), threshold).sum(axis=1)
    return ConformalSets(threshold=threshold, coverage=coverage, mean_size=float(sizes.mean()))


def set_figures(
    predictions: pd.DataFrame, threshold: Threshold, bootstrap: Bootstrap
) -> dict[str, Interval]:
    """Return `set_coverage`, how often a set holds the right emotion, and `set_size`.

    Args:
        predictions: a row a performance, as `metrics` takes them
        threshold: of the sets; one for all rows, or one a row
        bootstrap: how the intervals are made

    Raises:
        ValueError: there are no rows, or a column is missing
    """
    _, actor = _probabilities_of_truth(predictions)
    in_set = _in_set(probabilities(predictions), threshold)
    holds = in_set[np.arange(len(actor)), class_codes(predictions["true"], classes_of(predictions))]
    clips = np.bincount(actor)
    totals = {
        "set_coverage": np.bincount(actor, weights=holds),
        "set_size": np.bincount(actor, weights=in_set.sum(axis=1)),
    }
    return bootstrap.intervals(
        lambda draws: {name: (draws @ total) / (draws @ clips) for name, total in totals.items()},
        actors=len(clips),
        performances=len(predictions),
    )


def _in_set(values: NDArray[np.float64], threshold: Threshold) -> NDArray[np.bool_]:
    """Return which emotions the sets hold; the likeliest always [shape=(n, classes)]."""
    in_set: NDArray[np.bool_] = values >= np.reshape(threshold, (-1, 1))
    in_set[np.arange(len(values)), values.argmax(axis=1)] = True
    return in_set


def _probabilities_of_truth(
    predictions: pd.DataFrame,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the true emotion's probability of each row, and its actor as a number from 0."""
    require_columns(predictions, "actor", "true")
    actor, _ = pd.factorize(predictions["actor"], sort=True)
    values = probabilities(predictions)
    return values[
        np.arange(len(values)), class_codes(predictions["true"], classes_of(predictions))
    ], actor
