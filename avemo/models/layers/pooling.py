"""What heads over time share: which steps are the clip's, and one vector of all of them.

Source:
    K. Okabe et al.: Attentive statistics pooling for deep speaker embedding. Interspeech 2018
"""

from typing import Any

__all__ = ["inside", "narrowed", "statistics"]


def inside(x: Any) -> Any:
    """One where a step is the clip's, zero where it fills the clip up [shape=(clips, steps, 1)].

    Args:
        x: [shape=(clips, steps, columns)], zeros after the clip's end
    """
    from keras import ops

    return ops.cast(ops.any(ops.not_equal(x, 0.0), axis=2, keepdims=True), x.dtype)


def narrowed(x: Any, dropout: float) -> Any:
    """What comes after a layer that narrows: normalised, bent, dropped out."""
    from keras import layers

    return layers.Dropout(dropout)(layers.Activation("gelu")(layers.LayerNormalization()(x)))


def statistics(x: Any, inside: Any, *, attention: bool) -> Any:
    """Mean and deviation over the clip's steps [shape=(clips, 2 * columns)].

    Args:
        x: [shape=(clips, steps, columns)]
        inside: which steps are the clip's
        attention: each column's steps weigh as they are scored; otherwise all the same
    """
    from keras import layers, ops

    weights = (inside - 1) * 1e4
    if attention:
        scores = layers.Dense(x.shape[2])(layers.Dense(64, activation="tanh")(x))
        weights = scores + weights
    weights = layers.Softmax(axis=1)(weights)
    mean = ops.sum(weights * x, axis=1)
    variance = ops.sum(weights * ops.square(x), axis=1) - ops.square(mean)
    deviation = ops.sqrt(ops.maximum(variance, 1e-5))
    return layers.Concatenate()([mean, deviation])
