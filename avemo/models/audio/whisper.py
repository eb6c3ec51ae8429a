"""A head on Whisper's hidden states: narrowed, looked at over time, pooled by attention.

Source:
    S.-w. Yang et al.: SUPERB. Interspeech 2021 (all hidden states, weighted)
"""

from typing import Any

from ..pooling import inside, narrowed, statistics

__all__ = ["INPUTS", "embed"]

INPUTS = ("whisper",)

_STATES = 5


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Hidden states [shape=(clips, steps, 5 * 384)], zeros after the end, to one vector a clip."""
    from keras import layers, ops

    width = hp.Choice("width", [96, 128, 192], default=128)
    dropout = hp.Float("dropout", 0.2, 0.4, step=0.1, default=0.3)
    x = inputs["whisper"]
    steps, columns = x.shape[1:]
    here = inside(x)
    if hp.Choice("states", ["all", "weighted"], default="all") == "weighted":
        x = layers.Reshape((steps, _STATES, columns // _STATES))(x)
        x = layers.Dense(1, use_bias=False, kernel_initializer="ones")(layers.Permute((1, 3, 2))(x))
        x = layers.Reshape((steps, columns // _STATES))(x)
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
