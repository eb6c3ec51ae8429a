"""Logistic regression on the means of a clip's action units, or on their square roots."""

from collections.abc import Mapping
from typing import ClassVar

from keras import layers, ops
from keras_tuner import HyperParameters

from ..architecture import Branches, Tensor, Tensors
from ..logistic_fit import LogisticArchitecture

__all__ = ["ActionUnits"]


class ActionUnits(LogisticArchitecture):
    """A linear head on the means of a clip's action units."""

    inputs = ("openface",)
    unscaled_inputs: ClassVar[Mapping[str, int]] = {"openface": 35}
    inverse_penalties = (0.03, 0.1, 0.3, 1.0)
    default_inverse_penalty = 0.1

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return the means, or their square roots, which are less skewed [shape=(clips, 35)]."""
        self.inverse_penalty(hp)
        x = layers.Flatten()(inputs["openface"])
        return ops.sqrt(x) if hp.Boolean("square_root", default=True) else x
