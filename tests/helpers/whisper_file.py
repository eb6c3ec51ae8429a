"""A file like the one of Whisper's published weights, with random values."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from avemo.pretrained.whisper_encoder import ENCODERS, ModelName


def write(file: Path, model: ModelName = "tiny.en") -> Path:
    """In single precision, with a decoder beside the encoder."""
    save_file(tensors(model) | {"model.decoder.layer_norm.weight": np.ones(8, "f")}, file)
    return file


def tensors(model: ModelName = "tiny.en") -> dict[str, NDArray[np.float32]]:
    """The encoder's, of a size that keeps activations near one."""
    width, _, layers = ENCODERS[model]
    rng = np.random.default_rng(1)

    def linear(*shape: int) -> NDArray[np.float32]:
        fan_in = math.prod(shape[1:])
        return (rng.standard_normal(shape) / math.sqrt(fan_in)).astype(np.float32)

    def around(centre: float, *shape: int) -> NDArray[np.float32]:
        return (centre + 0.1 * rng.standard_normal(shape)).astype(np.float32)

    values = {
        "conv1.weight": linear(width, 80, 3),
        "conv1.bias": around(0, width),
        "conv2.weight": linear(width, width, 3),
        "conv2.bias": around(0, width),
        "embed_positions.weight": around(0, 1500, width),
        "layer_norm.weight": around(1, width),
        "layer_norm.bias": around(0, width),
    }
    for block in range(layers):
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            values[f"layers.{block}.{name}.weight"] = around(1, width)
            values[f"layers.{block}.{name}.bias"] = around(0, width)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            values[f"layers.{block}.self_attn.{name}.weight"] = linear(width, width)
            if name != "k_proj":
                values[f"layers.{block}.self_attn.{name}.bias"] = around(0, width)
        values[f"layers.{block}.fc1.weight"] = linear(4 * width, width)
        values[f"layers.{block}.fc1.bias"] = around(0, 4 * width)
        values[f"layers.{block}.fc2.weight"] = linear(width, 4 * width)
        values[f"layers.{block}.fc2.bias"] = around(0, width)
    return {f"model.encoder.{name}": value for name, value in values.items()}
