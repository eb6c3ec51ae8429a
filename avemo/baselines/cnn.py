"""Convolutions on log-mel; the study left no details, so that this is a plain network."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

__all__ = ["build"]

_FILTERS = (16, 32, 64)


def build(shape: tuple[int, ...], *, classes: int) -> "keras.Model":
    """Return a Keras model: log-mel [shape=(clips, frames, bands)] to probabilities."""
    import keras
    from keras import layers

    inputs = keras.Input(shape)
    x = layers.Reshape((*shape, 1))(inputs)
    for block, filters in enumerate(_FILTERS):
        strides = 1 if block else 2  # most of the time goes into the first
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model([inputs], layers.Dense(classes, activation="softmax")(x))
