"""Ensemble selection: which configurations become the members of a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..evaluation import calibration, metrics
from ..records import Configuration, FusionChoice

__all__ = ["Ensemble", "average_predictions", "select_greedily"]


@dataclass(frozen=True)
class Ensemble:
    """The members of a model, and how they do on the inner folds.

    Args:
        members: their configurations
        temperature: that the logarithms of their mean probabilities are divided by
        predictions: their mean predictions on the inner folds, before the temperature
        fusion: for the fused modality, what the fusion was compared with
    """

    members: list[Configuration]
    temperature: float
    predictions: pd.DataFrame
    fusion: FusionChoice | None = None


def select_greedily(predictions: Sequence[pd.DataFrame], count: int) -> list[int]:
    """Select members one after another, each time the one that makes the mean prediction best.

    The best has the lowest log loss after temperature scaling: unweighted average recall jumps by
    whole clips, so that it says more about luck than about the model. A configuration may be
    selected repeatedly.

    Args:
        predictions: of each configuration on the inner folds, all of the same rows
        count: how many members

    Returns:
        the configurations' indices, in the order of their selection

    Source:
        R. Caruana et al.: Ensemble selection from libraries of models. ICML 2004
    """

    classes = metrics.classes_of(predictions[0])

    def loss(members: list[int]) -> float:
        mean = average_predictions([predictions[index] for index in members])
        scaled = calibration.apply_temperature(mean, calibration.fit_temperature(mean))
        return metrics.log_loss(mean["true"], metrics.probabilities(scaled), classes)

    members: list[int] = []
    for _ in range(count):
        losses = [loss([*members, index]) for index in range(len(predictions))]
        members.append(int(np.argmin(losses)))
    return members


def average_predictions(predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the mean of several predictions of the same rows."""
    columns = metrics.probability_columns(metrics.classes_of(predictions[0]))
    mean = np.mean([metrics.probabilities(rows) for rows in predictions], axis=0)
    return predictions[0].assign(**dict(zip(columns, mean.T, strict=True)))
