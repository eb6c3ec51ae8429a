"""The head on Whisper's hidden states, with Whisper's last block fitted to emotion as well.

The block goes on from the state before it, over steps that are means of several frames. Its
feed-forward layers learn what they add by adapters of low rank; the rest stays as it is published.

Source:
    E. J. Hu et al.: LoRA: low-rank adaptation of large language models. ICLR 2022
"""

from typing import Any

from ..pooling import inside
from . import whisper

__all__ = ["COPIES", "INPUTS", "RAW", "VIEWS", "embed"]

INPUTS = whisper.INPUTS
COPIES = whisper.COPIES
VIEWS = whisper.VIEWS
RAW = ("whisper",)


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Hidden states [shape=(clips, steps, 5 * 384)], zeros after the end, to one vector a clip.

    Raises:
        AssetError: Whisper's weights cannot be had
    """
    from keras import layers

    from ... import assets
    from ...features._whisper import WIDTH, last_block

    block = last_block(assets.get("whisper_tiny_en", quiet=True))
    rank = hp.Choice("rank", [4, 16], default=4)
    for layer in block.layers:
        layer.trainable = isinstance(layer, layers.Dense)
        if layer.trainable:
            layer.enable_lora(rank)
    x = inputs["whisper"]
    here = inside(x)
    before = inputs["whisper_raw"][:, :, 3 * WIDTH : 4 * WIDTH] * here
    state = layers.LayerNormalization()(block([before, here[:, :, 0]]))
    return whisper.pooled(hp, layers.Concatenate()([x[:, :, : 4 * WIDTH], state]), here)
