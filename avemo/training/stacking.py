"""Out-of-fold predictions of a search's ensemble, as features that a fusion is fitted to.

A model's predictions of its own training set are too good to fit a fusion to.

Source:
    D. H. Wolpert: Stacked generalization. Neural Networks 5(2), 1992
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..evaluation import calibration, metrics
from ..evaluation.predictions import read_predictions
from ..modalities import Unimodal
from ..models.weighted_product import MIN_PROBABILITY
from ..paths import Project
from ..records import SearchResult

__all__ = [
    "COMPARISON",
    "PREDICTIONS",
    "log_probabilities",
    "scaled_predictions",
]

#: files in the search's folder: the ensemble's predictions on the inner folds; for the fused
#: modality, those of each unimodal model and each way to fuse them
PREDICTIONS = "predictions.csv"
COMPARISON = "comparison.csv"


def scaled_predictions(project: Project, modality: Unimodal) -> pd.DataFrame:
    """Return a search's predictions on the inner folds, with its temperature applied.

    The table is empty where the search had too few folds to select by.
    """
    result = SearchResult.read(project.search_result(modality))
    if result.temperature is None:
        return pd.DataFrame(columns=["performance"])
    predictions = read_predictions(project.search(modality) / PREDICTIONS)
    return calibration.apply_temperature(predictions, result.temperature)


def log_probabilities(predictions: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
    """Return by performance the logarithms of its probabilities [shape=(1, emotions)]."""
    if predictions.empty:
        return {}
    values = np.maximum(metrics.probabilities(predictions), MIN_PROBABILITY)
    logarithms = np.log(values).astype(np.float32)[:, None]
    return dict(zip(predictions["performance"], logarithms, strict=True))
