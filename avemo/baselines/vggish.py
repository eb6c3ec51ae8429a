"""The study's dense network on VGGish embeddings; it left no widths."""

from typing import Any

__all__ = ["build"]

_WIDTHS = (256, 128)


def build(shape: tuple[int, ...]) -> Any:
    """A Keras model: embeddings [shape=(examples, *shape)] to a probability an emotion."""
    import keras
    from keras import layers

    from ..corpus.ravdess import EMOTIONS

    x = inputs = keras.Input(shape)
    for width in _WIDTHS:
        x = layers.Dense(width, activation="tanh")(x)
        # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(len(EMOTIONS), activation="softmax")(x))
