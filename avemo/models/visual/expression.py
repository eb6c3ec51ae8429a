"""A head on what the expression network and the geometry say of each face, pooled over the clip."""

from typing import Any

from ..layers.pooling import inside, narrowed, statistics

__all__ = ["INPUTS", "embed"]

INPUTS = ("expression", "expression_probabilities", "geometry")


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Faces [shape=(clips, faces, columns)], zeros after the end, to one vector a clip."""
    from keras import layers, ops

    width = hp.Choice("width", [32, 64, 128], default=64)
    dropout = hp.Float("dropout", 0.2, 0.5, step=0.1, default=0.4)
    x = layers.Concatenate()(list(inputs.values()))
    here = inside(x)
    # whole columns: the features of one network stand in for each other
    x = layers.SpatialDropout1D(hp.Float("features_dropout", 0.1, 0.5, step=0.1, default=0.3))(x)
    x = narrowed(layers.Dense(width)(x), dropout) * here
    pooling = hp.Choice("pooling", ["mean", "attention", "recurrent"], default="attention")
    if pooling == "recurrent":
        # backwards it would begin in what fills the clip up
        x = layers.Bidirectional(layers.GRU(width // 2))(x, mask=ops.squeeze(here, axis=2) > 0)
    else:
        x = statistics(x, here, attention=pooling == "attention")
    return layers.Dropout(0.3)(x)
