"""A head on Whisper's hidden states: narrowed, looked at over time, pooled by attention.

Source:
    K. Okabe et al.: Attentive statistics pooling for deep speaker embedding. Interspeech 2018;
    masked steps: D. S. Park et al.: SpecAugment. Interspeech 2019
"""

from typing import Any

from ...features import whisper_copies

__all__ = ["COPIES", "INPUTS", "embed", "inside", "pooled"]

INPUTS = ("whisper",)
COPIES = {"whisper": tuple(whisper_copies.ARRAYS)}


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Hidden states [shape=(clips, steps, 5 * 384)], zeros after the end, to one vector a clip."""
    return pooled(hp, inputs["whisper"], inside(inputs["whisper"]))


def inside(x: Any) -> Any:
    """One where a step is the clip's, zero where it fills up [shape=(clips, steps, 1)]."""
    from keras import ops

    return ops.cast(ops.any(ops.not_equal(x, 0.0), axis=2, keepdims=True), x.dtype)


def pooled(hp: Any, x: Any, inside: Any) -> Any:
    """What is learnt on top: steps [shape=(clips, steps, columns)] to one vector a clip."""
    from keras import layers, ops

    width = hp.Choice("width", [96, 128, 192], default=128)
    dropout = hp.Float("dropout", 0.2, 0.4, step=0.1, default=0.3)
    masked = hp.Float("masked", 0.0, 0.2, step=0.1, default=0.0)
    x = layers.Dropout(masked, noise_shape=(None, x.shape[1], 1))(x)
    x = layers.SpatialDropout1D(0.2)(x)
    x = _normal(layers.Dense(width)(x), dropout) * inside
    for _ in range(hp.Int("convolutions", 0, 2, default=2)):
        x = (x + _normal(layers.Conv1D(width, 5, padding="same")(x), dropout)) * inside
    if hp.Boolean("recurrent", default=False):
        gru = layers.Bidirectional(layers.GRU(width // 2, return_sequences=True))
        # backwards it would begin in what fills the clip up
        x = gru(x, mask=ops.squeeze(inside, axis=2) > 0) * inside
    weights = (inside - 1) * 1e4
    if hp.Choice("pooling", ["attention", "mean"], default="attention") == "attention":
        scores = layers.Dense(x.shape[2])(layers.Dense(64, activation="tanh")(x))
        weights = scores + weights
    weights = layers.Softmax(axis=1)(weights)
    mean = ops.sum(weights * x, axis=1)
    variance = ops.sum(weights * ops.square(x), axis=1) - ops.square(mean)
    deviation = ops.sqrt(ops.maximum(variance, 1e-5))
    return layers.Dropout(0.3)(layers.Concatenate()([mean, deviation]))


def _normal(x: Any, dropout: float) -> Any:
    from keras import layers

    return layers.Dropout(dropout)(layers.Activation("gelu")(layers.LayerNormalization()(x)))
