"""Logistic regression on the means of a clip's action units, or on their square roots."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters
from numpy.typing import NDArray

from ..architecture import Architecture, Branches, Solver, Tensor, Tensors

__all__ = ["ActionUnits"]

#: of an emotion without a clip in the training set, before normalisation
_LOG_PROBABILITY_OF_ABSENT = -20.0


class ActionUnits(Architecture):
    """A linear head with an L2 penalty, fitted at once; each emotion counts alike."""

    inputs = ("openface",)
    unscaled_inputs: ClassVar[Mapping[str, int]] = {"openface": 35}

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return the means, or their square roots, which are less skewed [shape=(clips, 35)]."""
        _inverse_penalty(hp)
        x = layers.Flatten()(inputs["openface"])
        return ops.sqrt(x) if hp.Boolean("square_root", default=True) else x

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities of the emotions [shape=(clips, emotions)]."""
        return layers.Dense(len(classes), activation="softmax", name="emotion")(x)

    def solver(self, hp: HyperParameters) -> Solver:
        """Return the fit of the logistic regression."""
        penalty = _inverse_penalty(hp)
        return lambda network, inputs, labels: _fit(network, inputs, labels, penalty)


def _inverse_penalty(hp: HyperParameters) -> float:
    """Return scikit-learn's C, on standardised columns."""
    return float(hp.Choice("inverse_penalty", [0.03, 0.1, 0.3, 1.0], default=0.1))


def _fit(
    network: keras.Model,
    inputs: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.integer],
    inverse_penalty: float,
) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    head = network.get_layer("emotion")
    columns = np.asarray(keras.Model(network.inputs, head.input)(dict(inputs)), np.float64)
    scaler = StandardScaler().fit(columns)
    regression = LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=1000)
    regression.fit(scaler.transform(columns), labels)
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # scikit-learn has one row for the second class
        coefficients = np.concatenate([0 * coefficients, coefficients])
        intercepts = np.concatenate([0 * intercepts, intercepts])
    # the standardisation becomes a part of the weights
    kernel = np.zeros((columns.shape[1], head.units))
    bias = np.full(head.units, _LOG_PROBABILITY_OF_ABSENT)
    kernel[:, regression.classes_] = (coefficients / scaler.scale_).T
    bias[regression.classes_] = intercepts - coefficients @ (scaler.mean_ / scaler.scale_)
    head.set_weights([kernel, bias])
