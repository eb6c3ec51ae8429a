"""Whisper's encoder in several sizes: the network and its published weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly

if TYPE_CHECKING:
    import keras

__all__ = [
    "BANDS",
    "ENCODERS",
    "EPSILON",
    "POSITIONS",
    "EncoderSize",
    "ModelName",
    "asset_name",
    "build_encoder",
    "load_encoder",
    "read_tensors",
]

#: as OpenAI calls them
ModelName: TypeAlias = Literal["tiny.en", "base", "base.en", "small.en"]


class EncoderSize(NamedTuple):
    """The size of an encoder.

    Args:
        width: of each hidden state
        heads: of each block's attention
        layers: blocks; there is one hidden state more
    """

    width: int
    heads: int
    layers: int


ENCODERS: dict[ModelName, EncoderSize] = {
    "tiny.en": EncoderSize(384, 6, 4),
    "base": EncoderSize(512, 8, 6),
    "base.en": EncoderSize(512, 8, 6),
    "small.en": EncoderSize(768, 12, 12),
}
BANDS, POSITIONS = 80, 1500
#: of the normalisation
EPSILON = 1e-5
_PREFIX = "model.encoder."


def asset_name(model: ModelName) -> str:
    """Return the key of `assets.ASSETS` that a model's weights have."""
    return f"whisper_{model.replace('.', '_')}"


def build_encoder(model: ModelName = "tiny.en") -> keras.Model:
    """Return the encoder, untrained.

    In: `mel` [shape=(clips, frames, 80)], frames even, zeros after a clip's end; `mask`, 1
    where a frame is the clip's [shape=(clips, frames)]. Out: the hidden states [shape=(clips,
    frames / 2, layers + 1, width)]: what goes into the first block, what comes out of each, the
    last one normalised. A clip's states do not depend on its padding.
    """
    width, heads, layer_count = ENCODERS[model]
    import_tensorflow_quietly()
    import keras
    from keras import layers, ops

    mel = keras.Input((None, BANDS), name="mel")
    mask = keras.Input((None,), name="mask")
    x = layers.Conv1D(width, 3, padding="same", name="conv1")(mel)
    x = keras.activations.gelu(x) * mask[:, :, None]
    x = layers.ZeroPadding1D(1)(x)
    x = layers.Conv1D(width, 3, strides=2, name="conv2")(x)
    x = keras.activations.gelu(x)
    positions = ops.cast(ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1), "int32") - 1
    x = x + layers.Embedding(POSITIONS, width, name="embed_positions")(positions)
    attention_mask = mask[:, None, ::2] > 0
    states = [x]
    for number in range(layer_count):
        name = f"layers.{number}"
        y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}.self_attn_layer_norm")(x)
        attention = layers.MultiHeadAttention(heads, width // heads, name=f"{name}.self_attn")
        x = x + attention(y, y, attention_mask=attention_mask)
        y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}.final_layer_norm")(x)
        y = keras.activations.gelu(layers.Dense(4 * width, name=f"{name}.fc1")(y))
        x = x + layers.Dense(width, name=f"{name}.fc2")(y)
        states.append(x)
    states[-1] = layers.LayerNormalization(epsilon=EPSILON, name="layer_norm")(x)
    return keras.Model([mel, mask], ops.stack(states, axis=2))


def load_encoder(file: Path, model: ModelName = "tiny.en") -> keras.Model:
    """Return the encoder with the published weights, see `read_tensors`."""
    tensors = read_tensors(file, model)
    network = build_encoder(model)
    for layer in network.layers:
        _fill(layer, tensors)
    return network


def read_tensors(file: Path, model: ModelName = "tiny.en") -> dict[str, NDArray[np.float32]]:
    """Return the encoder's published tensors by name, rounded to half precision.

    Args:
        file: in safetensors' format; may hold the decoder, too
        model: the one that the file is of

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
    for name, shape in _published_shapes(ENCODERS[model]).items():
        tensor = published.get(name)
        if tensor is None or tensor.shape != shape:
            state = "missing" if tensor is None else list(tensor.shape)
            raise AssetError(
                f"{file}: {_PREFIX}{name} is {state}, "
                f"{list(shape)} is expected: take the file of openai/whisper-{model}"
            )
        tensors[name] = tensor.astype(np.float16).astype(np.float32)
    return tensors


def _published_shapes(size: EncoderSize) -> dict[str, tuple[int, ...]]:
    width = size.width
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (width, BANDS, 3),
        "conv2.weight": (width, width, 3),
        "embed_positions.weight": (POSITIONS, width),
        "layer_norm.weight": (width,),
    }
    for number in range(size.layers):
        block = f"layers.{number}"
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            shapes[f"{block}.{name}.weight"] = (width,)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes[f"{block}.self_attn.{name}.weight"] = (width, width)
        shapes[f"{block}.fc1.weight"] = (4 * width, width)
        shapes[f"{block}.fc2.weight"] = (width, 4 * width)
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
            weight = tensors[f"{name}.weight"].T
            values += [weight, tensors.get(f"{name}.bias", np.zeros(len(weight), np.float32))]
    elif shapes:  # convolution, dense, normalisation
        values = [tensors[f"{layer.name}.weight"].T, tensors[f"{layer.name}.bias"]]
    layer.set_weights([value.reshape(shape) for value, shape in zip(values, shapes, strict=True)])
