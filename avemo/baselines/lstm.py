"""The study's recurrent network, on MFCC and on VGGish embeddings."""

from typing import Any

__all__ = ["build"]


def build(shape: tuple[int, ...]) -> Any:
    """A Keras model: rows over time [shape=(clips, *shape)] to a probability an emotion."""
    import keras
    from keras import layers

    from ..corpus.ravdess import EMOTIONS

    inputs = keras.Input(shape)
    x = layers.LSTM(128)(inputs)
    # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dense(16, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(len(EMOTIONS), activation="softmax")(x))
