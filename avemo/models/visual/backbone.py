"""Dense layers on what an ImageNet network sees in the faces, averaged over the clip."""

from typing import Any

from ..layers.pooling import inside, narrowed, statistics

__all__ = ["INPUTS", "embed"]

INPUTS = ("backbone",)


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Faces [shape=(clips, faces, columns)], zeros after the end, to one vector a clip."""
    from keras import layers

    width = hp.Choice("width", [64, 128, 256], default=128)
    dropout = hp.Float("dropout", 0.3, 0.6, step=0.1, default=0.5)
    x = inputs["backbone"]
    x = statistics(x, inside(x), attention=False)
    return narrowed(layers.Dense(width)(layers.Dropout(dropout)(x)), dropout)
