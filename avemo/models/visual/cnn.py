"""Convolutions on each face, then mean and peak over the clip's faces.

Faces come aligned by their five landmarks, and an expression is a shift of a few pixels: the
network keeps positions, and shifted copies are no augmentation here.
"""

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["CNN"]

#: the weights of red, green and blue in grey, by ITU-R BT.601
_LUMA = (0.299, 0.587, 0.114)


class CNN(Architecture):
    """A convolutional network on the aligned faces."""

    inputs = ("crops",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from uint8 faces [shape=(clips, frames, side, side, 3)]."""
        _, frames, *size = inputs["crops"].shape
        filters = hp.Choice("filters", [8, 16], default=8)
        dropout = hp.Float("dropout", 0.1, 0.4, step=0.1, default=0.2)
        face = keras.Sequential([keras.Input(size)], name="face")
        if hp.Boolean("grey", default=True):
            # colour of skin and hair identifies the person, not the emotion
            luma = keras.initializers.Constant(np.reshape(_LUMA, (1, 1, 3, 1)))
            face.add(layers.Conv2D(1, 1, use_bias=False, trainable=False, kernel_initializer=luma))
        for block in range(hp.Int("blocks", 3, 4, default=4)):
            strides = 2 if block == 0 else 1
            width = filters * 2**block
            face.add(layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False))
            # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
            face.add(layers.BatchNormalization(momentum=0.9))
            face.add(layers.Activation("relu"))
            if block:
                face.add(layers.MaxPooling2D(2))
        face.add(layers.Flatten())
        face.add(layers.Dropout(dropout))
        face.add(layers.Dense(64, activation="relu"))
        x = layers.Rescaling(1 / 127.5, offset=-1)(inputs["crops"])
        # all faces of all clips as one batch: as TimeDistributed, several times as fast
        x = face(ops.reshape(x, (-1, *size)))
        x = ops.reshape(x, (-1, frames, x.shape[-1]))
        mean = layers.GlobalAveragePooling1D()(x)
        peak = layers.GlobalMaxPooling1D()(x)
        return layers.Dense(64, activation="relu")(layers.Concatenate()([mean, peak]))
