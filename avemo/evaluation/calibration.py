"""Temperature scaling: one number that makes a model's probabilities as sure as they are right.

Source:
    C. Guo et al.: On calibration of modern neural networks. ICML 2017
"""

from typing import overload

import numpy as np
import pandas as pd

from .metrics import classes_of, log_loss, probabilities, probability_columns

__all__ = ["apply_temperature", "fit_temperature"]

_SMALLEST = 1e-7


def fit_temperature(predictions: pd.DataFrame) -> float:
    """Return the temperature under which the true emotions are likeliest.

    Args:
        predictions: a row a performance, as `metrics` takes them; of actors that the model was not
            trained on

    Returns:
        above one where the model is too sure, between 0.05 and 20
    """
    from scipy.optimize import minimize_scalar

    values, classes = probabilities(predictions), classes_of(predictions)

    def loss(logarithm: float) -> float:
        scaled = apply_temperature(values, float(np.exp(logarithm)))
        return log_loss(predictions["true"], scaled, classes)

    limit = np.log(20)
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


@overload
def apply_temperature(predictions: pd.DataFrame, temperature: float) -> pd.DataFrame: ...
@overload
def apply_temperature(predictions: np.ndarray, temperature: float) -> np.ndarray: ...
def apply_temperature(
    predictions: pd.DataFrame | np.ndarray, temperature: float
) -> pd.DataFrame | np.ndarray:
    """Return the probabilities under another temperature; their order in a row stays.

    Args:
        predictions: probabilities [shape=(n, classes)], or a table that has them in its columns
        temperature: that their logarithms are divided by
    """
    if isinstance(predictions, pd.DataFrame):
        scaled = apply_temperature(probabilities(predictions), temperature)
        columns = probability_columns(classes_of(predictions))
        return predictions.assign(**dict(zip(columns, scaled.T, strict=True)))
    raised = np.log(np.maximum(predictions, _SMALLEST)) / temperature
    raised = np.exp(raised - raised.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
