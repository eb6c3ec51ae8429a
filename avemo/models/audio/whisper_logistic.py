"""Logistic regression on mean and deviation of the hidden states of one or two encoders."""

from collections.abc import Sequence
from typing import ClassVar

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Solver, Tensor, Tensors
from ..logistic_fit import fit_logistic

__all__ = ["WhisperLogistic"]


class WhisperLogistic(Architecture):
    """A linear head with an L2 penalty, fitted at once; each emotion counts alike."""

    inputs: ClassVar[tuple[str, ...]] = ("whisper_stats",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from statistics, each [shape=(clips, 1, columns)]."""
        _inverse_penalty(hp)
        columns = [layers.Flatten()(inputs[name]) for name in self.inputs]
        return layers.Concatenate()(columns) if len(columns) > 1 else columns[0]

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities of the emotions [shape=(clips, emotions)]."""
        return layers.Dense(len(classes), activation="softmax", name="emotion")(x)

    def solver(self, hp: HyperParameters) -> Solver:
        """Return the fit of the logistic regression."""
        penalty = _inverse_penalty(hp)
        return lambda network, inputs, labels: fit_logistic(network, inputs, labels, penalty)


def _inverse_penalty(hp: HyperParameters) -> float:
    """Return scikit-learn's C, on standardised columns."""
    return float(hp.Choice("inverse_penalty", [0.001, 0.002, 0.005, 0.01], default=0.002))
