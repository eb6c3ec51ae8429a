"""Whisper's encoder, of the size tiny.en: the network and its published weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly

if TYPE_CHECKING:
    import keras

__all__ = [
    "BANDS",
    "EPSILON",
    "HEADS",
    "LAYERS",
    "POSITIONS",
    "WIDTH",
    "build_encoder",
    "load_encoder",
    "read_tensors",
]

BANDS, WIDTH, POSITIONS = 80, 384, 1500
HEADS, LAYERS = 6, 4
#: of the normalisation
EPSILON = 1e-5
_PREFIX = "model.encoder."


def build_encoder() -> keras.Model:
    """Return the encoder, untrained.

    In: `mel` [shape=(clips, frames, 80)], frames even, zeros after a clip's end; `mask`, 1
    where a frame is the clip's [shape=(clips, frames)]. Out: five hidden states [shape=(clips,
    frames / 2, 5, 384)]: what goes into the first block, what comes out of each, the last one
    normalised. A clip's states do not depend on its padding.
    """
    import_tensorflow_quietly()
    import keras
    from keras import layers, ops

    mel = keras.Input((None, BANDS), name="mel")
    mask = keras.Input((None,), name="mask")
    x = layers.Conv1D(WIDTH, 3, padding="same", name="conv1")(mel)
    x = keras.activations.gelu(x) * mask[:, :, None]
    x = layers.ZeroPadding1D(1)(x)
    x = layers.Conv1D(WIDTH, 3, strides=2, name="conv2")(x)
    x = keras.activations.gelu(x)
    positions = ops.cast(ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1), "int32") - 1
    x = x + layers.Embedding(POSITIONS, WIDTH, name="embed_positions")(positions)
    attention_mask = mask[:, None, ::2] > 0
    states = [x]
    for number in range(LAYERS):
        name = f"layers.{number}"
        y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}.self_attn_layer_norm")(x)
        attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"{name}.self_attn")
        x = x + attention(y, y, attention_mask=attention_mask)
        y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}.final_layer_norm")(x)
        y = keras.activations.gelu(layers.Dense(4 * WIDTH, name=f"{name}.fc1")(y))
        x = x + layers.Dense(WIDTH, name=f"{name}.fc2")(y)
        states.append(x)
    states[-1] = layers.LayerNormalization(epsilon=EPSILON, name="layer_norm")(x)
    return keras.Model([mel, mask], ops.stack(states, axis=2))


def load_encoder(file: Path) -> keras.Model:
    """Return the encoder with the published weights, see `read_tensors`."""
    tensors = read_tensors(file)
    model = build_encoder()
    for layer in model.layers:
        _fill(layer, tensors)
    return model


def read_tensors(file: Path) -> dict[str, NDArray[np.float32]]:
    """Return the encoder's published tensors by name, rounded to half precision.

    Args:
        file: in safetensors' format; may hold the decoder, too

    Raises:
        AssetError: it is no safetensors file, or a tensor is missing or has another shape
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as stream:
            published = {
                name.removeprefix(_PREFIX): stream.get_tensor(name)
                for name in stream.keys()  # noqa: SIM118, it is no dictionary
                if name.startswith(_PREFIX)
            }
    except SafetensorError as error:
        raise AssetError(f"{file} is no safetensors file ({error}): remove it") from None
    tensors = {}
    for name, shape in _published_shapes().items():
        tensor = published.get(name)
        if tensor is None or tensor.shape != shape:
            state = "missing" if tensor is None else list(tensor.shape)
            raise AssetError(
                f"{file}: {_PREFIX}{name} is {state}, "
                f"{list(shape)} is expected: take the file of openai/whisper-tiny.en"
            )
        tensors[name] = tensor.astype(np.float16).astype(np.float32)
    return tensors


def _published_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (WIDTH, BANDS, 3),
        "conv2.weight": (WIDTH, WIDTH, 3),
        "embed_positions.weight": (POSITIONS, WIDTH),
        "layer_norm.weight": (WIDTH,),
    }
    for number in range(LAYERS):
        block = f"layers.{number}"
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            shapes[f"{block}.{name}.weight"] = (WIDTH,)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes[f"{block}.self_attn.{name}.weight"] = (WIDTH, WIDTH)
        shapes[f"{block}.fc1.weight"] = (4 * WIDTH, WIDTH)
        shapes[f"{block}.fc2.weight"] = (WIDTH, 4 * WIDTH)
    biases = {
        name.replace("weight", "bias"): shape[:1]
        for name, shape in shapes.items()
        if "embed" not in name and "k_proj" not in name
    }
    return shapes | biases


def _fill(layer: keras.Layer, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Set a layer's weights to its published tensors."""
    shapes = [tuple(weight.shape) for weight in layer.weights]
    kind = type(layer).__name__
    values: list[NDArray[np.float32]] = []
    if kind == "Embedding":
        values = [tensors[f"{layer.name}.weight"]]
    elif kind == "MultiHeadAttention":
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            name = f"{layer.name}.{projection}"
            bias = tensors.get(f"{name}.bias", np.zeros(WIDTH, np.float32))
            values += [tensors[f"{name}.weight"].T, bias]
    elif shapes:  # convolution, dense, normalisation
        values = [tensors[f"{layer.name}.weight"].T, tensors[f"{layer.name}.bias"]]
    layer.set_weights([value.reshape(shape) for value, shape in zip(values, shapes, strict=True)])
