"""The study's dense network, on embeddings or on merged features; it left no widths."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

__all__ = ["build"]

_WIDTHS = (256, 128)


def build(*shapes: tuple[int, ...], classes: int) -> "keras.Model":
    """Return a Keras model: each input flattened, side by side, to a probability an emotion.

    Args:
        shapes: of one example, by input
        classes: how many emotions there are
    """
    import keras
    from keras import layers

    inputs = [keras.Input(shape) for shape in shapes]
    flat = [layers.Flatten()(x) for x in inputs]
    x = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    for width in _WIDTHS:
        x = layers.Dense(width, activation="tanh")(x)
        # the default momentum of 0.99 lags behind where an epoch is a few dozen batches
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
