"""The study's recurrent network, on MFCC and on VGGish embeddings."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

__all__ = ["build", "embed"]


def build(shape: tuple[int, ...], *, classes: int) -> "keras.Model":
    """Return a Keras model: rows over time [shape=(clips, *shape)] to a probability an emotion."""
    import keras
    from keras import layers

    inputs = keras.Input(shape)
    x = embed(inputs)
    return keras.Model([inputs], layers.Dense(classes, activation="softmax")(x))


def embed(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Turn rows over time into one vector a clip."""
    from keras import layers

    x = layers.LSTM(128)(x)
    # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(32, activation="relu")(x)
    return layers.Dense(16, activation="tanh")(x)
