"""The published predictions with their figures and intervals."""

from dataclasses import dataclass

import pandas as pd

from ..evaluation.bootstrap import Bootstrap, Interval
from ..evaluation.metrics import intervals
from ..settings import Abstention
from .published import Published

__all__ = ["Figures", "Scored", "score"]

#: by metric, as `metrics.intervals` returns them
Figures = dict[str, Interval]


@dataclass(frozen=True)
class Scored:
    """What is published, and how good it is.

    Args:
        bootstrap: how the intervals are made
        limits: of abstention
        figures: by the name of the file of predictions
    """

    published: Published
    bootstrap: Bootstrap
    limits: Abstention
    figures: dict[str, Figures]

    def score(self, predictions: pd.DataFrame) -> Figures:
        """Return the figures of some of the predictions, such as a fold's."""
        return intervals(predictions, self.bootstrap)


def score(published: Published, bootstrap: Bootstrap, limits: Abstention) -> Scored:
    """Compute the figures of everything that is published."""
    figures = {name: intervals(rows, bootstrap) for name, rows in published.predictions.items()}
    return Scored(published, bootstrap, limits, figures)
