"""A file like the one of Whisper's published weights, with random values."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file


def write(file: Path) -> Path:
    """In single precision, with a decoder beside the encoder."""
    save_file(tensors() | {"model.decoder.layer_norm.weight": np.ones(384, "f")}, file)
    return file


def tensors() -> dict[str, NDArray[np.float32]]:
    """The encoder's, of a size that keeps activations near one."""
    rng = np.random.default_rng(1)

    def linear(*shape: int) -> NDArray[np.float32]:
        fan_in = float(np.prod(shape[1:]))
        return (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)

    def around(centre: float, *shape: int) -> NDArray[np.float32]:
        return (centre + 0.1 * rng.standard_normal(shape)).astype(np.float32)

    values = {
        "conv1.weight": linear(384, 80, 3),
        "conv1.bias": around(0, 384),
        "conv2.weight": linear(384, 384, 3),
        "conv2.bias": around(0, 384),
        "embed_positions.weight": around(0, 1500, 384),
        "layer_norm.weight": around(1, 384),
        "layer_norm.bias": around(0, 384),
    }
    for block in range(4):
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            values[f"layers.{block}.{name}.weight"] = around(1, 384)
            values[f"layers.{block}.{name}.bias"] = around(0, 384)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            values[f"layers.{block}.self_attn.{name}.weight"] = linear(384, 384)
            if name != "k_proj":
                values[f"layers.{block}.self_attn.{name}.bias"] = around(0, 384)
        values[f"layers.{block}.fc1.weight"] = linear(1536, 384)
        values[f"layers.{block}.fc1.bias"] = around(0, 1536)
        values[f"layers.{block}.fc2.weight"] = linear(384, 1536)
        values[f"layers.{block}.fc2.bias"] = around(0, 384)
    return {f"model.encoder.{name}": value for name, value in values.items()}
