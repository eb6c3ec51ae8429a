"""Selective prediction: a model that abstains where it is not sure, with a bound on the rest.

A prediction's confidence is the probability of its likeliest emotion. Where that is below a
threshold, the prediction is "not sure". The higher the threshold, the fewer clips are answered
(coverage) and, as a rule, the fewer of these answers are wrong (risk): the risk-coverage curve.

The threshold is selected by fixed-sequence testing, as in learn then test: thresholds on a fixed
grid are tried from the strictest downwards, and the first whose bound misses the target ends the
sequence. So the bound holds although the threshold is selected on the same predictions: a wrong
threshold is passed only if the first wrong one of the sequence is, and that has the probability of
a single test. Trying every threshold and taking the best would not have this property.

Sources:
    R. El-Yaniv, Y. Wiener: On the foundations of noise-free selective classification. JMLR 11, 2010
    Y. Geifman, R. El-Yaniv: Selective classification for deep neural networks. NeurIPS 2017
    Y. Geifman, G. Uziel, R. El-Yaniv: Bias-reduced uncertainty estimation for deep neural
    classifiers. ICLR 2019 (the area under the curve, AURC)
    A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan, L. Lei: Learn then test: calibrating
    predictive algorithms to achieve risk control. 2021
    C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the case
    of the binomial. Biometrika 26, 1934
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..records import Abstention, Interval
from .bootstrap import Bootstrap
from .metrics import predicted, probabilities, ratio, require_columns

__all__ = ["RiskCoverage", "Threshold", "risk_coverage", "select_threshold", "selective_figures"]

Threshold = float | NDArray[np.float64]

#: strictest first: the sequence that is tried does not depend on any prediction
_THRESHOLDS = tuple(step / 100 for step in range(99, -1, -1))


@dataclass(frozen=True)
class RiskCoverage:
    """The risk-coverage curve: a point for each confidence that occurs, highest first.

    Args:
        thresholds: the confidences [shape=(points,)]
        coverage: the share of clips that are at least as sure [shape=(points,)]
        risk: the share of wrong answers among these [shape=(points,)]
    """

    thresholds: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]

    @property
    def area(self) -> float:
        """The area under the curve (AURC): the mean risk over all coverages; less is better."""
        return float(np.diff(self.coverage, prepend=0) @ self.risk)


def risk_coverage(predictions: pd.DataFrame) -> RiskCoverage:
    """Return the risk-coverage curve; clips of equal confidence are answered together or not.

    Args:
        predictions: a row a performance, as `metrics` takes them

    Raises:
        ValueError: there are no rows, or a column is missing
    """
    confidence, right = _confidence(predictions)
    thresholds, places, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    answered = np.cumsum(counts)
    wrong = np.cumsum(np.bincount(places, weights=~right))
    return RiskCoverage(-thresholds, answered / len(predictions), wrong / answered)


def select_threshold(
    predictions: pd.DataFrame, bootstrap: Bootstrap, *, target: float, min_coverage: float
) -> Abstention:
    """Return the lowest threshold for which the accuracy of the answered clips has a high bound.

    The bound is the lower end of the interval bootstrapped over actors, expanded because they are
    few; or that of Clopper and Pearson over clips where it is lower, because a bootstrap of few
    answers that are all right knows no doubt. If the strictest threshold misses the target, it is
    returned with its own bound, and `reached` is false.

    Args:
        predictions: a row a performance, of actors that the model was not trained on
        bootstrap: how the interval is made
        target: what the bound must reach, such as 0.8
        min_coverage: thresholds under which a smaller share is answered are not tried

    Raises:
        ValueError: there are no rows, or a column is missing
    """
    selected = None
    for candidate in _candidates(predictions, bootstrap, target, min_coverage):
        if selected is None or candidate.reached:
            selected = candidate
        if not candidate.reached:
            break
    assert selected is not None, "the last threshold, 0, answers every clip"
    return selected


def selective_figures(
    predictions: pd.DataFrame, threshold: Threshold, bootstrap: Bootstrap
) -> dict[str, Interval]:
    """Return how many clips a threshold answers, and how many of these answers are right.

    Args:
        predictions: a row a performance, as `metrics` takes them
        threshold: of the probability of the likeliest emotion; one for all rows, or one a row
        bootstrap: how the intervals are made

    Returns:
        `coverage`, and `selective_accuracy` unless no clip is answered

    Raises:
        ValueError: there are no rows, or a column is missing
    """
    rows = _Rows.of(predictions)

    def figures(draws: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        answered, right = (draws @ counts for counts in rows.counts_by_actor(threshold))
        return {
            "coverage": answered / (draws @ rows.performances_by_actor),
            "selective_accuracy": ratio(right, answered),
        }

    return bootstrap.intervals(figures, actors=rows.actors, performances=len(predictions))


def _candidates(
    predictions: pd.DataFrame, bootstrap: Bootstrap, target: float, min_coverage: float
) -> Iterator[Abstention]:
    """Yield each threshold that may be tried; of those that answer the same clips, the highest.

    Which thresholds these are depends on how sure the predictions are, never on which are right.
    """
    rows, answered_before = _Rows.of(predictions), 0
    expanded = bootstrap.expanded(rows.actors)
    for threshold in _THRESHOLDS:
        answered = rows.confidence >= threshold
        coverage = float(answered.mean())
        if coverage < min_coverage or answered.sum() == answered_before:
            continue
        answered_before = int(answered.sum())
        accuracy = selective_figures(predictions, threshold, expanded)["selective_accuracy"]
        low = accuracy.low
        if low is not None:
            right = int(rows.right[answered].sum())
            low = min(low, _binomial_bound(right, answered_before, bootstrap.confidence))
        yield Abstention(
            threshold=threshold,
            coverage=coverage,
            accuracy=accuracy.value,
            accuracy_low=low,
            performances=len(predictions),
            actors=rows.actors,
            confidence=bootstrap.confidence,
            target=target,
            reached=low is not None and low >= target,
        )


@dataclass(frozen=True)
class _Rows:
    """Predictions as selective prediction sees them.

    Args:
        confidence: the probability of the likeliest emotion [shape=(n,)]
        right: whether the likeliest emotion is the true one: bool [shape=(n,)]
        actor: who it is, as a number from 0 [shape=(n,)]
    """

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    actor: NDArray[np.int64]

    @classmethod
    def of(cls, predictions: pd.DataFrame) -> "_Rows":
        require_columns(predictions, "actor", "true")
        actor, _ = pd.factorize(predictions["actor"], sort=True)
        return cls(*_confidence(predictions), actor)

    @property
    def actors(self) -> int:
        """How many actors there are."""
        return int(self.actor.max()) + 1

    @property
    def performances_by_actor(self) -> NDArray[np.int64]:
        """How many performances each actor has [shape=(actors,)]."""
        return np.bincount(self.actor)

    def counts_by_actor(self, threshold: Threshold) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many clips of each actor are answered, and how many rightly."""
        answered = self.confidence >= threshold
        answered_counts, right_counts = (
            np.bincount(self.actor[rows], minlength=self.actors)
            for rows in (answered, answered & self.right)
        )
        return answered_counts, right_counts


def _confidence(predictions: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how sure each prediction is, and whether it is right [shape=(n,)]."""
    require_columns(predictions, "true")
    right = predicted(predictions) == predictions["true"].to_numpy()
    return probabilities(predictions).max(axis=1), np.asarray(right, bool)


def _binomial_bound(right: int, answered: int, confidence: float) -> float:
    """Return the lower end of Clopper and Pearson's interval of a share."""
    from scipy.stats import binomtest

    interval = binomtest(right, answered).proportion_ci(confidence, method="exact")
    return float(interval.low)
