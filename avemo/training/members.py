"""Of which fits a model is made: those whose mean answer is best where none was trained."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..evaluation import metrics
from .folds import uar

__all__ = ["choose", "mean"]


def choose(judged: Sequence[pd.DataFrame], count: int) -> list[int]:
    """Add one after another, each time the one that makes the mean answer best; some repeatedly.

    The last added may undo what those before won: should the best alone be better, it is taken
    each time.

    Args:
        judged: for each configuration its answers on the inner folds, all of the same rows
        count: how many are added

    Returns:
        the configurations' places, in the order in which they were added

    Source:
        R. Caruana et al.: Ensemble selection from libraries of models. ICML 2004
    """

    def worth(picks: list[int]) -> tuple[float, float]:
        joint = mean([judged[pick] for pick in picks])
        return -uar(joint), metrics.log_loss(joint["true"], metrics.probabilities(joint))

    picks: list[int] = []
    for _ in range(count):
        ranked = [(worth([*picks, place]), place) for place in range(len(judged))]
        picks.append(min(ranked)[1])
    return min(picks, picks[:1] * count, key=worth)


def mean(answers: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The mean of several answers on the same rows."""
    columns = list(metrics.PROBABILITIES)
    chances = np.mean([metrics.probabilities(one) for one in answers], axis=0)
    return answers[0].assign(**dict(zip(columns, chances.T, strict=True)))
