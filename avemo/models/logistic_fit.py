"""Architectures whose last layer is a logistic regression with an L2 penalty, fitted at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters
from numpy.typing import NDArray

from .architecture import Architecture, Solver, Tensor

__all__ = ["LogisticArchitecture"]

#: of an emotion without a clip in the training set, before normalisation
_LOG_PROBABILITY_OF_ABSENT = -20.0


class LogisticArchitecture(Architecture):
    """A linear head with an L2 penalty, fitted at once; each emotion counts alike.

    Attributes:
        inverse_penalties: that the search may choose, as scikit-learn's C on standardised columns
        default_inverse_penalty: the first that it tries
    """

    inverse_penalties: ClassVar[Sequence[float]]
    default_inverse_penalty: ClassVar[float]

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities of the emotions [shape=(clips, emotions)]."""
        return layers.Dense(len(classes), activation="softmax", name="emotion")(x)

    def solver(self, hp: HyperParameters) -> Solver:
        """Return the fit of the logistic regression."""
        penalty = self.inverse_penalty(hp)
        return lambda network, inputs, labels: _fit(network, inputs, labels, penalty)

    def inverse_penalty(self, hp: HyperParameters) -> float:
        """Return the chosen inverse penalty; `embed` asks for it, so that it is searched."""
        choices = list(self.inverse_penalties)
        return float(hp.Choice("inverse_penalty", choices, default=self.default_inverse_penalty))


def _fit(
    network: keras.Model,
    inputs: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.integer],
    inverse_penalty: float,
) -> None:
    """Fit a network's layer `emotion` to the columns that it takes; each emotion counts alike.

    Args:
        network: its last layer is a dense one with softmax, called `emotion`
        inputs: of the training set, by feature, preprocessed
        labels: the true classes' codes [shape=(clips,)]
        inverse_penalty: scikit-learn's C, on standardised columns
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    head = network.get_layer("emotion")
    own = {tensor.name: inputs[tensor.name] for tensor in network.inputs}
    columns = np.asarray(keras.Model(network.input, head.input)(own), np.float64)
    scaler = StandardScaler().fit(columns)
    standardised = scaler.transform(columns)
    directions = _span(standardised)
    regression = LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=1000)
    regression.fit(standardised @ directions, labels)
    coefficients, intercepts = regression.coef_ @ directions.T, regression.intercept_
    if len(regression.classes_) == 2:  # scikit-learn has one row for the second class
        coefficients = np.concatenate([0 * coefficients, coefficients])
        intercepts = np.concatenate([0 * intercepts, intercepts])
    # the standardisation becomes a part of the weights
    kernel = np.zeros((columns.shape[1], head.units))
    bias = np.full(head.units, _LOG_PROBABILITY_OF_ABSENT)
    kernel[:, regression.classes_] = (coefficients / scaler.scale_).T
    bias[regression.classes_] = intercepts - coefficients @ (scaler.mean_ / scaler.scale_)
    head.set_weights([kernel, bias])


def _span(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return orthonormal directions of all clips [shape=(columns, directions)].

    A penalised fit is a sum of the clips: with fewer clips than columns, it is quicker among these
    directions and the same.
    """
    if len(columns) >= columns.shape[1]:
        return np.eye(columns.shape[1])
    values, vectors = np.linalg.eigh(columns @ columns.T)
    nonzero = values > values[-1] * 1e-9
    directions: NDArray[np.float64] = columns.T @ (vectors[:, nonzero] / np.sqrt(values[nonzero]))
    return directions
