"""Of which fits a model is made: those whose mean answer is best where none was trained."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..evaluation import calibration, metrics

__all__ = ["choose", "mean"]


def choose(judged: Sequence[pd.DataFrame], count: int) -> list[int]:
    """Add one after another, each time the one that makes the mean answer best; some repeatedly.

    Best is what gives the true emotions the highest likelihood, once its confidence is set right:
    the recall jumps by whole clips and is the chance's more than the model's.

    Args:
        judged: for each configuration its answers on the inner folds, all of the same rows
        count: how many are added

    Returns:
        the configurations' places, in the order in which they were added

    Source:
        R. Caruana et al.: Ensemble selection from libraries of models. ICML 2004
    """

    def loss(picks: list[int]) -> float:
        joint = mean([judged[pick] for pick in picks])
        scaled = calibration.apply_temperature(joint, calibration.fit_temperature(joint))
        return metrics.log_loss(joint["true"], metrics.probabilities(scaled))

    picks: list[int] = []
    for _ in range(count):
        losses = [loss([*picks, place]) for place in range(len(judged))]
        picks.append(int(np.argmin(losses)))
    return picks


def mean(answers: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The mean of several answers on the same rows."""
    columns = list(metrics.PROBABILITIES)
    chances = np.mean([metrics.probabilities(one) for one in answers], axis=0)
    return answers[0].assign(**dict(zip(columns, chances.T, strict=True)))
