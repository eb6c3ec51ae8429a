"""One module for each type of input, built as the single-modality searches chose, joined by layers.

The modules are fitted together, from nothing: a module that was trained before has heard or seen
the actors that this one is judged on.
"""

from typing import Any

from ..layers.modality_dropout import together

__all__ = ["INPUTS", "embed"]

#: none of its own: those of the parts
INPUTS = ()

_WIDTH = 64


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """All features to one vector a clip.

    Args:
        parts: by modality, makes of inputs the module's vector, and says which inputs it takes
    """
    from keras import layers

    vectors, made_of = [], []
    for part in parts.values():
        own = [inputs[name] for name in part.inputs]
        vector = layers.BatchNormalization(momentum=0.9)(part.embed(inputs))
        vectors.append(layers.Dense(_WIDTH, activation="relu")(vector))
        made_of.append(own)
    x = together(hp, vectors, made_of)
    x = layers.Dropout(hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.4))(x)
    return layers.Dense(hp.Choice("dense", [32, 64, 128], default=64), activation="relu")(x)
