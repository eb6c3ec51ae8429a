"""A small dense network on a clip's statistics of pitch, loudness, voice quality and timing."""

from typing import Any

__all__ = ["INPUTS", "embed"]

INPUTS = ("prosody_stats",)


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Statistics [shape=(clips, 1, columns)] to one vector a clip."""
    from keras import layers, ops

    units = hp.Choice("units", [32, 64, 128], default=64)
    dropout = hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.4)
    # what hardly varies in training may lie any number of deviations off in another clip
    x = ops.clip(layers.Flatten()(inputs["prosody_stats"]), -5, 5)
    x = layers.Dropout(dropout / 2)(x)
    for _ in range(hp.Int("layers", 1, 2, default=1)):
        x = layers.Dense(units, activation="gelu")(x)
        x = layers.Dropout(dropout)(layers.LayerNormalization()(x))
    return x
