"""Clips that came in, compared with the validation profile of the version that answered.

Each comparison has an interval, and says "differs" only where chance alone would hardly do it.

Source:
    R. G. Newcombe: Interval estimation for the difference between independent proportions.
    Statistics in Medicine 17 (1998), 873-890
    J. Lin: Divergence measures based on the Shannon entropy. IEEE Transactions on Information
    Theory 37 (1991), 145-151
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...records import Interval

__all__ = [
    "ClassShift",
    "QuantileShift",
    "ShareShift",
    "compare_classes",
    "compare_quantiles",
    "compare_shares",
    "share_interval",
]

#: of emotions, a row a sample
_Counts = NDArray[np.floating] | NDArray[np.integer]

_DRAWS = 2000
_SEED = 1
#: a clip is outside if it is below the one or above the other quantile of the validation data
_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True)
class ShareShift:
    """How often something is so, then and now.

    Args:
        watched: the share of what came in
        profile: the share of the validation data
        difference: `watched` less `profile`
    """

    watched: Interval
    profile: Interval
    difference: Interval

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference does not hold 0."""
        return not _holds(self.difference, 0)


@dataclass(frozen=True)
class ClassShift:
    """How the predicted emotions are distributed, then and now.

    Args:
        watched: the share of each emotion
        profile: the same of the validation data
        distance: Jensen-Shannon distance to base 2: 0 for the same, 1 for nothing in common
        by_chance: the distance that samples as large as these two from one distribution stay below
            in 95 of 100 cases
    """

    watched: Mapping[str, float]
    profile: Mapping[str, float]
    distance: Interval
    by_chance: float

    @property
    def differs(self) -> bool:
        """Whether the distance is larger than chance makes it."""
        return self.distance.value > self.by_chance

    @property
    def largest_change(self) -> str:
        """The emotion whose share has changed most."""
        return max(self.watched, key=lambda name: abs(self.watched[name] - self.profile[name]))


@dataclass(frozen=True)
class QuantileShift:
    """How a measure is distributed, then and now.

    Args:
        median: of what came in
        profile_median: of the validation data
        below: the share of clips below the 5 % quantile of the validation data
        above: the share of clips above its 95 % quantile
        watched: quantiles of what came in, as many as `profile`
        profile: quantiles of the validation data
    """

    median: Interval
    profile_median: float
    below: Interval
    above: Interval
    watched: list[float]
    profile: list[float]

    @property
    def differs(self) -> bool:
        """Whether more clips than 5 % are beyond one of the two quantiles, beyond chance."""
        return any(share.low is not None and share.low > _LOW for share in (self.below, self.above))


def share_interval(count: int, total: int) -> Interval:
    """Return a share with its 95 % interval, by Wilson's score."""
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(0.95, method="wilson")
    return Interval(count / total, max(0.0, float(interval.low)), min(1.0, float(interval.high)))


def compare_shares(count: int, total: int, profile_count: int, profile_total: int) -> ShareShift:
    """Return how a share has changed, with Newcombe's interval of the difference.

    Args:
        count: of the clips that came in
        total: how many came in, at least 1
        profile_count: of the validation data
        profile_total: how many these are, at least 1
    """
    watched, profile = share_interval(count, total), share_interval(profile_count, profile_total)
    value = watched.value - profile.value
    low = value - math.hypot(watched.value - _low(watched), _high(profile) - profile.value)
    high = value + math.hypot(_high(watched) - watched.value, profile.value - _low(profile))
    return ShareShift(watched, profile, Interval(value, low, high))


def compare_classes(watched: Mapping[str, int], profile: Mapping[str, int]) -> ClassShift:
    """Return how the distribution of the predicted emotions has changed.

    Args:
        watched: how often each emotion was predicted; at least one
        profile: the same of the validation data
    """
    names = list(dict.fromkeys([*profile, *watched]))
    counts = np.array([watched.get(name, 0) for name in names], dtype=float)
    profile_counts = np.array([profile.get(name, 0) for name in names], dtype=float)
    total, profile_total = int(counts.sum()), int(profile_counts.sum())
    random = np.random.default_rng(_SEED)
    draws = _distance(random.multinomial(total, counts / total, _DRAWS), profile_counts[None])
    pooled = (counts + profile_counts) / (total + profile_total)
    chance = _distance(
        random.multinomial(total, pooled, _DRAWS), random.multinomial(profile_total, pooled, _DRAWS)
    )
    low, high = np.quantile(draws, [0.025, 0.975]).tolist()
    return ClassShift(
        watched=dict(zip(names, (counts / total).tolist(), strict=True)),
        profile=dict(zip(names, (profile_counts / profile_total).tolist(), strict=True)),
        distance=Interval(float(_distance(counts[None], profile_counts[None])[0]), low, high),
        by_chance=float(np.quantile(chance, 0.95)),
    )


def compare_quantiles(values: Sequence[float], profile: Sequence[float]) -> QuantileShift | None:
    """Return how a measure has changed; None where either has none.

    Args:
        values: of the clips that came in
        profile: evenly spaced quantiles of the validation data, from the lowest to the highest
    """
    if not values or not profile:
        return None
    array, steps = np.asarray(values), np.linspace(0, 1, len(profile))
    low, median, high = np.interp([_LOW, 0.5, _HIGH], steps, profile).tolist()
    random = np.random.default_rng(_SEED)
    medians = np.median(random.choice(array, (_DRAWS, len(array))), axis=1)
    bounds = np.quantile(medians, [0.025, 0.975]).tolist()
    return QuantileShift(
        median=Interval(float(np.median(array)), *bounds),
        profile_median=median,
        below=share_interval(int((array < low).sum()), len(array)),
        above=share_interval(int((array > high).sum()), len(array)),
        watched=np.quantile(array, steps).tolist(),
        profile=list(profile),
    )


def _distance(first: _Counts, second: _Counts) -> NDArray[np.floating]:
    """Return the Jensen-Shannon distance to base 2 between rows of counts."""
    from scipy.special import rel_entr

    p = first / first.sum(axis=1, keepdims=True)
    q = second / second.sum(axis=1, keepdims=True)
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / (2 * math.log(2))
    distance: NDArray[np.floating] = np.sqrt(np.maximum(divergence, 0))
    return distance


def _holds(interval: Interval, value: float) -> bool:
    return _low(interval) <= value <= _high(interval)


def _low(interval: Interval) -> float:
    assert interval.low is not None
    return interval.low


def _high(interval: Interval) -> float:
    assert interval.high is not None
    return interval.high
