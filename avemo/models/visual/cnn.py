"""Convolutions on each face, then mean and peak over the clip's faces.

Faces come aligned by their five points, and an expression is a shift of a few pixels: so the
network keeps where things are, and shifted copies are no augmentation here.
"""

from typing import Any

__all__ = ["INPUTS", "embed"]

INPUTS = ("crops",)


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Faces, uint8 [shape=(clips, frames, side, side, 3)], to one vector a clip."""
    import keras
    from keras import layers, ops

    _, frames, *size = inputs["crops"].shape
    filters = hp.Choice("filters", [8, 16], default=8)
    dropout = hp.Float("dropout", 0.1, 0.4, step=0.1, default=0.2)
    face = keras.Sequential([keras.Input(size)], name="face")
    if hp.Boolean("grey", default=True):
        # the skin's and the hair's colour tell the person, not the emotion
        face.add(layers.Conv2D(1, 1, use_bias=False, trainable=False, kernel_initializer=_grey()))
    for block in range(hp.Int("blocks", 3, 4, default=4)):
        strides = 2 if block == 0 else 1
        face.add(
            layers.Conv2D(filters * 2**block, 3, strides=strides, padding="same", use_bias=False)
        )
        # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
        face.add(layers.BatchNormalization(momentum=0.9))
        face.add(layers.Activation("relu"))
        if block:
            face.add(layers.MaxPooling2D(2))
    face.add(layers.Flatten())
    face.add(layers.Dropout(dropout))
    face.add(layers.Dense(64, activation="relu"))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs["crops"])
    # all faces of all clips as one batch: what TimeDistributed means, several times as fast
    x = face(ops.reshape(x, (-1, *size)))
    x = ops.reshape(x, (-1, frames, x.shape[-1]))
    mean = layers.GlobalAveragePooling1D()(x)
    peak = layers.GlobalMaxPooling1D()(x)
    return layers.Dense(64, activation="relu")(layers.Concatenate()([mean, peak]))


def _grey() -> Any:
    """ITU-R BT.601's weights of red, green and blue."""
    import keras
    import numpy as np

    return keras.initializers.Constant(np.reshape([0.299, 0.587, 0.114], (1, 1, 3, 1)))
