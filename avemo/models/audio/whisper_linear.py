"""Next to nothing on the mean and deviation of Whisper's hidden states: hard to overfit."""

from typing import Any

__all__ = ["INPUTS", "embed"]

INPUTS = ("whisper_stats",)


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Statistics [shape=(clips, 1, 10 * 384)] to one vector a clip; the rest is the linear head."""
    from keras import layers

    x = layers.Flatten()(inputs["whisper_stats"])
    return layers.Dropout(hp.Float("dropout", 0.6, 0.9, step=0.1, default=0.8))(x)
