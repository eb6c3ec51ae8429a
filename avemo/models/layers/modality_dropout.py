"""Two modalities of which one may be missing, in a clip or, so that a network learns it, by chance.

Source:
    N. Neverova et al.: ModDrop: adaptive multi-modal gesture recognition. IEEE TPAMI 38(8) (2016)
"""

from collections.abc import Sequence
from typing import Any

__all__ = ["present", "together"]


def present(inputs: Sequence[Any]) -> Any:
    """Which clips have a modality: zero where all of its inputs are, else one [shape=(clips, 1)].

    Args:
        inputs: prepared
    """
    from keras import ops

    found = [ops.any(ops.not_equal(x, 0), axis=tuple(range(1, len(x.shape)))) for x in inputs]
    return ops.cast(ops.any(ops.stack(found, axis=1), axis=1, keepdims=True), "float32")


def together(hp: Any, vectors: Sequence[Any], inputs: Sequence[Sequence[Any]]) -> Any:
    """The modalities' vectors side by side; zeros for one that is missing.

    While it is trained, one is left out at random, and the others count for more in its place.

    Args:
        vectors: one a modality [shape=(clips, columns)], all as wide
        inputs: what each was made of
    """
    from keras import layers, ops

    rate = hp.Float("modality_dropout", 0.0, 0.3, step=0.1, default=0.1)
    here = [vector * present(made_of) for vector, made_of in zip(vectors, inputs, strict=True)]
    x = layers.Dropout(rate, noise_shape=(None, len(here), 1))(ops.stack(here, axis=1))
    return layers.Flatten()(x)
