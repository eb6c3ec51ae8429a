"""A head on the expression network's features and the geometry of each face, pooled over time."""

from typing import ClassVar

from keras import layers, ops
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors
from ..layers.pooling import bottleneck, padding_mask, statistics_pooling

__all__ = ["Expression"]


class Expression(Architecture):
    """A pooled or recurrent head on the faces' features."""

    inputs: ClassVar[tuple[str, ...]] = ("expression", "expression_probabilities", "geometry")

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip.

        Args:
            inputs: each [shape=(clips, faces, columns)], zeros after the clip's end
        """
        width = hp.Choice("width", [32, 64, 128], default=64)
        dropout = hp.Float("dropout", 0.2, 0.5, step=0.1, default=0.4)
        x = layers.Concatenate()(list(inputs.values()))
        mask = padding_mask(x)
        # entire columns: the features of one network stand in for each other
        rate = hp.Float("features_dropout", 0.1, 0.5, step=0.1, default=0.3)
        x = layers.SpatialDropout1D(rate)(x)
        x = bottleneck(layers.Dense(width)(x), dropout) * mask
        pooling = hp.Choice("pooling", ["mean", "attention", "recurrent"], default="attention")
        if pooling == "recurrent":
            # without the mask the backward pass would begin in the padding
            x = layers.Bidirectional(layers.GRU(width // 2))(x, mask=ops.squeeze(mask, axis=2) > 0)
        else:
            x = statistics_pooling(x, mask, attention=pooling == "attention")
        return layers.Dropout(0.3)(x)
