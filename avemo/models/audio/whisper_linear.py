"""A linear head on mean and deviation of Whisper's hidden states: hard to overfit."""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["WhisperLinear"]


class WhisperLinear(Architecture):
    """Dropout alone before the linear head."""

    inputs = ("whisper_stats",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from statistics [shape=(clips, 1, columns)]."""
        x = layers.Flatten()(inputs["whisper_stats"])
        return layers.Dropout(hp.Float("dropout", 0.6, 0.9, step=0.1, default=0.8))(x)
