"""The study's audio-visual network: a module for each type of input, joined by dense layers."""

from typing import TYPE_CHECKING

from . import face, lstm

if TYPE_CHECKING:
    import keras

__all__ = ["build"]


def build(sound: tuple[int, ...], picture: tuple[int, ...], *, classes: int) -> "keras.Model":
    """Return a Keras model: MFCC over time and a face to a probability an emotion.

    Args:
        sound: shape of one example (rows, columns)
        picture: shape of one example (side, side, channels)
        classes: how many emotions there are
    """
    import keras
    from keras import layers

    inputs = [keras.Input(sound), keras.Input(picture)]
    x = layers.Concatenate()([lstm.embed(inputs[0]), face.embed(inputs[1])])
    x = layers.Dropout(0.5)(layers.Dense(64, activation="relu")(x))
    x = layers.Dense(32, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
