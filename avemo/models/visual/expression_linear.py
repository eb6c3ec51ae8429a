"""Next to nothing on the mean and deviation of what faces show: hard to overfit."""

from typing import Any

__all__ = ["INPUTS", "embed"]

INPUTS = ("expression_stats", "geometry_stats")


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Statistics [shape=(clips, 1, columns)] to one vector a clip; the rest is the linear head."""
    from keras import layers

    x = layers.Concatenate()([layers.Flatten()(inputs[name]) for name in INPUTS])
    return layers.Dropout(hp.Float("dropout", 0.4, 0.8, step=0.1, default=0.6))(x)
