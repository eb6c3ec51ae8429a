"""A linear model, or a small network, on the means of a clip's action units."""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["ActionUnits"]

#: Adam moves each weight by its rate, however small the input: on 35 columns this lets thirty
#: epochs do what hundreds would
_SCALE = 3.0


class ActionUnits(Architecture):
    """At most one hidden layer before the linear head."""

    inputs = ("openface",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from means [shape=(clips, 1, 35)]."""
        width = hp.Choice("width", [0, 32, 64], default=0)
        dropout = hp.Float("dropout", 0.0, 0.4, step=0.1, default=0.1)
        x = layers.Flatten()(inputs["openface"])
        x = layers.Dropout(dropout)(layers.Rescaling(_SCALE)(x))
        return layers.Dense(width, activation="relu")(x) if width else x
