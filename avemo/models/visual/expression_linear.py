"""A linear head on mean and deviation of the faces' features: hard to overfit."""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors

__all__ = ["ExpressionLinear"]


class ExpressionLinear(Architecture):
    """Dropout alone before the linear head."""

    inputs = ("expression_stats", "geometry_stats")

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from statistics [shape=(clips, 1, columns)]."""
        x = layers.Concatenate()([layers.Flatten()(inputs[name]) for name in self.inputs])
        return layers.Dropout(hp.Float("dropout", 0.4, 0.8, step=0.1, default=0.6))(x)
