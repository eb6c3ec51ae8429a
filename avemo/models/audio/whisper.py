"""A head on Whisper's hidden states: narrowed, looked at over time, pooled by attention.

Source:
    masked steps: D. S. Park et al.: SpecAugment. Interspeech 2019
"""

from typing import Any

from ...features.audio import whisper_copies, whisper_speeds
from ..layers.pooling import inside, narrowed, statistics

__all__ = ["COPIES", "INPUTS", "VIEWS", "embed"]

INPUTS = ("whisper",)
COPIES = {"whisper": (*whisper_speeds.ARRAYS, *whisper_copies.ARRAYS)}
VIEWS = {"whisper": tuple(whisper_speeds.ARRAYS)}


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Hidden states [shape=(clips, steps, 5 * 384)], zeros after the end, to one vector a clip."""
    from keras import layers, ops

    x = inputs["whisper"]
    here = inside(x)
    width = hp.Choice("width", [96, 128, 192], default=128)
    dropout = hp.Float("dropout", 0.2, 0.4, step=0.1, default=0.3)
    masked = hp.Float("masked", 0.0, 0.2, step=0.1, default=0.0)
    x = layers.Dropout(masked, noise_shape=(None, x.shape[1], 1))(x)
    x = layers.SpatialDropout1D(0.2)(x)
    x = narrowed(layers.Dense(width)(x), dropout) * here
    for _ in range(hp.Int("convolutions", 0, 2, default=2)):
        x = (x + narrowed(layers.Conv1D(width, 5, padding="same")(x), dropout)) * here
    if hp.Boolean("recurrent", default=False):
        gru = layers.Bidirectional(layers.GRU(width // 2, return_sequences=True))
        # backwards it would begin in what fills the clip up
        x = gru(x, mask=ops.squeeze(here, axis=2) > 0) * here
    pooling = hp.Choice("pooling", ["attention", "mean"], default="attention")
    return layers.Dropout(0.3)(statistics(x, here, attention=pooling == "attention"))
