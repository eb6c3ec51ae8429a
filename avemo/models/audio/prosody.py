"""A small dense network on a clip's statistics of pitch, loudness, voice quality and timing."""

from keras import layers, ops
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["Prosody"]


class Prosody(Architecture):
    """Dense layers on prosodic statistics."""

    inputs = ("prosody_stats",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from statistics [shape=(clips, 1, columns)]."""
        units = hp.Choice("units", [32, 64, 128], default=64)
        dropout = hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.4)
        # a column that hardly varies in training may lie many deviations off in another clip
        x = ops.clip(layers.Flatten()(inputs["prosody_stats"]), -5, 5)
        x = layers.Dropout(dropout / 2)(x)
        for _ in range(hp.Int("layers", 1, 2, default=1)):
            x = layers.Dense(units, activation="gelu")(x)
            x = layers.Dropout(dropout)(layers.LayerNormalization()(x))
        return x
