"""Layers over time: which steps belong to the clip, and one vector of all of them.

Source:
    K. Okabe et al.: Attentive statistics pooling for deep speaker embedding. Interspeech 2018
"""

from __future__ import annotations

import keras
from keras import layers, ops

__all__ = ["bottleneck", "padding_mask", "statistics_pooling"]


def padding_mask(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return one where a step belongs to the clip, zero where it is padding.

    Args:
        x: [shape=(clips, steps, columns)], zeros after the clip's end

    Returns:
        [shape=(clips, steps, 1)]
    """
    return ops.cast(ops.any(ops.not_equal(x, 0.0), axis=2, keepdims=True), x.dtype)


def bottleneck(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Return the output of a layer that narrows, after normalisation, GELU and dropout."""
    return layers.Dropout(dropout)(layers.Activation("gelu")(layers.LayerNormalization()(x)))


def statistics_pooling(
    x: keras.KerasTensor, mask: keras.KerasTensor, *, attention: bool
) -> keras.KerasTensor:
    """Return mean and standard deviation over the clip's steps [shape=(clips, 2 * columns)].

    Args:
        x: [shape=(clips, steps, columns)]
        mask: see `padding_mask`
        attention: weigh the steps of each column by learnt scores; otherwise all the same
    """
    weights = (mask - 1) * 1e4
    if attention:
        scores = layers.Dense(x.shape[2])(layers.Dense(64, activation="tanh")(x))
        weights = scores + weights
    weights = layers.Softmax(axis=1)(weights)
    mean = ops.sum(weights * x, axis=1)
    variance = ops.sum(weights * ops.square(x), axis=1) - ops.square(mean)
    deviation = ops.sqrt(ops.maximum(variance, 1e-5))
    return layers.Concatenate()([mean, deviation])
