"""Convolutions over time and frequency on log-mel, pooled over time alone.

At which frequency something happens matters; when in the clip it happens does not.
"""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["CNN"]


class CNN(Architecture):
    """A convolutional network on log-mel."""

    inputs = ("logmel",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from log-mel [shape=(clips, frames, bands)]."""
        filters = hp.Choice("filters", [8, 16], default=8)
        dropout = hp.Float("dropout", 0.2, 0.5, step=0.1, default=0.3)
        x = inputs["logmel"]
        x = layers.Reshape((*x.shape[1:], 1))(x)
        for block in range(hp.Int("blocks", 3, 5, default=4)):
            width = filters * 2 ** min(block, 2)
            strides = 2 if block == 0 else 1
            x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
            # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.Activation("relu")(x)
            # the first block halves time alone: neighbouring bands differ more than frames do
            x = layers.MaxPooling2D(2 if block else (2, 1), padding="same")(x)
        x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
        mean = layers.GlobalAveragePooling1D()(x)
        peak = layers.GlobalMaxPooling1D()(x)
        x = layers.Dropout(dropout)(layers.Concatenate()([mean, peak]))
        return layers.Dense(64, activation="relu")(x)
