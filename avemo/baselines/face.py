"""Convolutions on one face; the study left no details, so that this is a plain network."""

from typing import Any

__all__ = ["build", "vector"]

_FILTERS = (16, 32, 64)


def build(shape: tuple[int, ...]) -> Any:
    """A Keras model: faces [shape=(clips, side, side, channels)] to a probability an emotion."""
    import keras
    from keras import layers

    from ..emotions import EMOTIONS

    inputs = keras.Input(shape)
    x = vector(inputs)
    return keras.Model([inputs], layers.Dense(len(EMOTIONS), activation="softmax")(x))


def vector(x: Any) -> Any:
    """Faces to one vector a clip."""
    from keras import layers

    for block, filters in enumerate(_FILTERS):
        strides = 1 if block else 2  # most of the time goes into the first
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return layers.Dense(64, activation="relu")(x)
