"""A recurrent network on MFCC, after the original study's."""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["LSTM"]


class LSTM(Architecture):
    """A bidirectional LSTM on MFCC, pooled over time."""

    inputs = ("mfcc",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from MFCC [shape=(clips, frames, coefficients)]."""
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
