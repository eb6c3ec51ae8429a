"""Logistic regression on the means of a clip's action units, or on their square roots."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from keras import layers, ops
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Solver, Tensor, Tensors
from ..logistic_fit import fit_logistic

__all__ = ["ActionUnits"]


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
        return lambda network, inputs, labels: fit_logistic(network, inputs, labels, penalty)


def _inverse_penalty(hp: HyperParameters) -> float:
    """Return scikit-learn's C, on standardised columns."""
    return float(hp.Choice("inverse_penalty", [0.03, 0.1, 0.3, 1.0], default=0.1))
