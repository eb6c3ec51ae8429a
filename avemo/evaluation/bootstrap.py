"""Confidence intervals of figures, by a bootstrap over actors.

Performances of one actor are alike: drawing performances would make the intervals too narrow, so
whole actors are drawn.

Source:
    B. Efron, R. J. Tibshirani: An introduction to the bootstrap. Chapman & Hall 1993
    T. C. Hesterberg: What teachers should know about the bootstrap. The American Statistician 69,
    2015 (expanded percentile interval)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..records import Interval

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["Bootstrap", "Interval"]


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: a percentile bootstrap that draws actors with replacement.

    Args:
        resamples: how many times the actors are drawn
        confidence: the share of draws inside an interval, such as 0.95
        seed: the same seed gives the same intervals
    """

    resamples: int
    confidence: float
    seed: int

    @classmethod
    def from_settings(cls, settings: Settings) -> Bootstrap:
        """Return what `evaluation` and `seed` in params.yaml say."""
        return cls(settings.evaluation.resamples, settings.evaluation.confidence, settings.seed)

    def expanded(self, actors: int) -> Bootstrap:
        """Return the bootstrap whose intervals are as wide as few actors ask for.

        A percentile interval of few actors is too narrow: this one takes percentiles further out,
        by Student's t and the bias of the variance (Hesterberg's expanded percentile interval).

        Args:
            actors: how many there are; for fewer than two, the bootstrap stays as it is
        """
        if actors < 2:
            return self
        from scipy.stats import norm, t

        quantile = t.ppf((1 - self.confidence) / 2, actors - 1) * np.sqrt(actors / (actors - 1))
        return Bootstrap(self.resamples, float(1 - 2 * norm.cdf(quantile)), self.seed)

    def intervals(
        self,
        figures: Callable[[np.ndarray], dict[str, np.ndarray]],
        *,
        actors: int,
        performances: int,
    ) -> dict[str, Interval]:
        """Return each figure with its interval; a figure that is NaN is left out.

        Args:
            figures: takes how often each draw holds each actor [shape=(draws, actors)], and returns
                each figure of every draw [shape=(draws,)]
            actors: how many there are; fewer than two cannot be drawn from
            performances: that the figures are of
        """
        values = figures(np.ones((1, actors)))
        draws = figures(self._draws(actors)) if actors > 1 else {}
        tails = (1 - self.confidence) / 2, (1 + self.confidence) / 2
        intervals = {}
        for name, (value,) in values.items():
            if np.isnan(value):
                continue
            low, high = np.nanquantile(draws[name], tails).tolist() if draws else (None, None)
            intervals[name] = Interval(float(value), low, high, actors, performances)
        return intervals

    def _draws(self, actors: int) -> np.ndarray:
        """Return how often each draw holds each actor: int64 [shape=(resamples, actors)]."""
        equally = np.full(actors, 1 / actors)
        return np.random.default_rng(self.seed).multinomial(actors, equally, self.resamples)
