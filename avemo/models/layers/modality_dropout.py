"""Modality dropout: a modality may be missing, and training leaves one out at random.

Source:
    N. Neverova et al.: ModDrop: adaptive multi-modal gesture recognition. IEEE TPAMI 38(8) (2016)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import keras_tuner
from keras import layers, ops

__all__ = ["concat_with_modality_dropout", "modality_mask"]


def modality_mask(inputs: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """Return zero for a clip whose inputs are all zero, else one [shape=(clips, 1)].

    Args:
        inputs: of one modality, preprocessed
    """
    nonzero = [ops.any(ops.not_equal(x, 0), axis=tuple(range(1, len(x.shape)))) for x in inputs]
    return ops.cast(ops.any(ops.stack(nonzero, axis=1), axis=1, keepdims=True), "float32")


def concat_with_modality_dropout(
    hp: keras_tuner.HyperParameters,
    vectors: Sequence[keras.KerasTensor],
    inputs: Sequence[Sequence[keras.KerasTensor]],
) -> keras.KerasTensor:
    """Return the modalities' vectors side by side; zeros for a missing modality.

    During training one is dropped at random, and the others are scaled up in its place.

    Args:
        hp: declares the rate
        vectors: one a modality [shape=(clips, columns)], all of one width
        inputs: by modality, the inputs that its vector is computed from
    """
    rate = hp.Float("modality_dropout", 0.0, 0.3, step=0.1, default=0.1)
    masked = [
        vector * modality_mask(tensors) for vector, tensors in zip(vectors, inputs, strict=True)
    ]
    x = layers.Dropout(rate, noise_shape=(None, len(masked), 1))(ops.stack(masked, axis=1))
    return layers.Flatten()(x)
