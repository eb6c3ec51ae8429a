"""Dense layers on an ImageNet network's features of the faces, averaged over the clip."""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors
from ..layers.pooling import bottleneck, padding_mask, statistics_pooling

__all__ = ["Backbone"]


class Backbone(Architecture):
    """A dense head on ImageNet features."""

    inputs = ("backbone",)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip.

        Args:
            inputs: `backbone` [shape=(clips, faces, columns)], zeros after the clip's end
        """
        width = hp.Choice("width", [64, 128, 256], default=128)
        dropout = hp.Float("dropout", 0.3, 0.6, step=0.1, default=0.5)
        x = inputs["backbone"]
        x = statistics_pooling(x, padding_mask(x), attention=False)
        return bottleneck(layers.Dense(width)(layers.Dropout(dropout)(x)), dropout)
