"""Logistic regression on mean and deviation of the hidden states of one or two encoders."""

from typing import ClassVar

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Branches, Tensor, Tensors
from ..logistic_fit import LogisticArchitecture

__all__ = ["WhisperLogistic"]


class WhisperLogistic(LogisticArchitecture):
    """A linear head on the statistics of one encoder."""

    inputs: ClassVar[tuple[str, ...]] = ("whisper_stats",)
    inverse_penalties = (0.001, 0.002, 0.005, 0.01)
    default_inverse_penalty = 0.002

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from statistics, each [shape=(clips, 1, columns)]."""
        self.inverse_penalty(hp)
        columns = [layers.Flatten()(inputs[name]) for name in self.inputs]
        return layers.Concatenate()(columns) if len(columns) > 1 else columns[0]
