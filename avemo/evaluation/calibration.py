"""One number that sets a model's confidence right."""

from typing import Any

import numpy as np
import pandas as pd

from .metrics import PROBABILITIES, log_loss, probabilities

__all__ = ["fit", "scale"]

_SMALLEST = 1e-7


def fit(predictions: pd.DataFrame) -> float:
    """The temperature under which the true emotions are likeliest.

    Args:
        predictions: a row a performance, as `metrics` takes them; of actors that the model was not
            trained on

    Returns:
        above one where the model is too sure, between 0.05 and 20

    Source:
        C. Guo et al.: On calibration of modern neural networks. ICML 2017
    """
    from scipy.optimize import minimize_scalar

    chances = probabilities(predictions)

    def loss(logarithm: float) -> float:
        return log_loss(predictions["true"], scale(chances, float(np.exp(logarithm))))

    limit = np.log(20)
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


def scale(chances: Any, temperature: float) -> Any:
    """Probabilities under another temperature; the order of a row's stays.

    Args:
        chances: [shape=(n, classes)], or a table with the columns `metrics.PROBABILITIES`
    """
    if isinstance(chances, pd.DataFrame):
        scaled = scale(probabilities(chances), temperature)
        return chances.assign(**dict(zip(PROBABILITIES, scaled.T, strict=True)))
    raised = np.log(np.maximum(chances, _SMALLEST)) / temperature
    raised = np.exp(raised - raised.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
