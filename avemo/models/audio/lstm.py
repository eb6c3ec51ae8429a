"""A recurrent network on MFCC, after the original study's."""

from typing import Any

__all__ = ["INPUTS", "embed"]

INPUTS = ("mfcc",)


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """MFCC [shape=(clips, frames, coefficients)] to one vector a clip."""
    from keras import layers

    units = hp.Choice("units", [32, 64, 128], default=64)
    dropout = hp.Float("dropout", 0.3, 0.6, step=0.1, default=0.4)
    # steps of 48 ms lose little and halve the time
    x = layers.AveragePooling1D(2)(inputs["mfcc"])
    x = layers.SpatialDropout1D(dropout / 2)(x)
    x = layers.Bidirectional(layers.LSTM(units, return_sequences=True))(x)
    mean = layers.GlobalAveragePooling1D()(x)
    peak = layers.GlobalMaxPooling1D()(x)
    x = layers.Concatenate()([mean, peak])
    x = layers.Dropout(dropout)(layers.BatchNormalization(momentum=0.9)(x))
    return layers.Dense(32, activation="relu")(x)
