"""A small network, or a linear model, on the means of a clip's action units."""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["ActionUnits"]

#: Adam moves a weight by its rate, however small the inputs: with larger ones thirty epochs do
_SCALE = 2.0


class ActionUnits(Architecture):
    """At most one hidden layer, with dropout, before the linear head."""

    inputs = ("openface",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from means [shape=(clips, 1, 35)]."""
        width = hp.Choice("width", [0, 32, 64], default=64)
        dropout = hp.Float("dropout", 0.0, 0.3, step=0.1, default=0.2)
        x = layers.Rescaling(_SCALE)(layers.Flatten()(inputs["openface"]))
        x = layers.Dropout(dropout)(x)
        return layers.Dense(width, activation="relu")(x) if width else x
