"""Whisper's encoder, of the size tiny.en: the network and its published weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly

if TYPE_CHECKING:
    import keras

__all__ = ["BANDS", "POSITIONS", "WIDTH", "build_encoder", "load_encoder"]

BANDS, WIDTH, POSITIONS = 80, 384, 1500
_HEADS, _LAYERS = 6, 4
_PREFIX = "model.encoder."


class _TensorFile(Protocol):
    """What is used of an open safetensors file."""

    def keys(self) -> list[str]: ...

    def get_tensor(self, name: str) -> NDArray[np.floating]: ...


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
    for number in range(_LAYERS):
        name = f"layers.{number}"
        y = layers.LayerNormalization(epsilon=1e-5, name=f"{name}.self_attn_layer_norm")(x)
        attention = layers.MultiHeadAttention(_HEADS, WIDTH // _HEADS, name=f"{name}.self_attn")
        x = x + attention(y, y, attention_mask=attention_mask)
        y = layers.LayerNormalization(epsilon=1e-5, name=f"{name}.final_layer_norm")(x)
        y = keras.activations.gelu(layers.Dense(4 * WIDTH, name=f"{name}.fc1")(y))
        x = x + layers.Dense(WIDTH, name=f"{name}.fc2")(y)
        states.append(x)
    states[-1] = layers.LayerNormalization(epsilon=1e-5, name="layer_norm")(x)
    return keras.Model([mel, mask], ops.stack(states, axis=2))


def load_encoder(file: Path) -> keras.Model:
    """Return the encoder with the published weights, rounded to half precision.

    Raises:
        AssetError: it is no safetensors file, or a tensor is missing or has another shape
    """
    model = build_encoder()
    with _open(file) as stream:
        for layer in model.layers:
            _fill(layer, stream, file)
    return model


@contextmanager
def _open(file: Path) -> Iterator[_TensorFile]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as stream:
            yield stream
    except SafetensorError as error:
        raise AssetError(f"{file} is no safetensors file ({error}): remove it") from None


def _fill(layer: keras.Layer, stream: _TensorFile, file: Path) -> None:
    """Set a layer's weights to its published tensors."""

    def tensor(name: str, *shape: int) -> NDArray[np.float32]:
        full = f"{_PREFIX}{layer.name}.{name}"
        exists = full in stream.keys()  # noqa: SIM118, it is no dictionary
        published = stream.get_tensor(full) if exists else np.zeros(())
        if published.shape != shape:
            raise AssetError(
                f"{file}: {full} is {list(published.shape) if exists else 'missing'}, "
                f"{list(shape)} is expected: take the file of openai/whisper-tiny.en"
            )
        return np.asarray(published.astype(np.float16).astype(np.float32))

    shapes = [tuple(weight.shape) for weight in layer.weights]
    kind = type(layer).__name__
    values: list[NDArray[np.float32]] = []
    if kind == "Embedding":
        values = [tensor("weight", *shapes[0])]
    elif kind == "MultiHeadAttention":
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            has_bias = projection != "k_proj"
            bias = tensor(f"{projection}.bias", WIDTH) if has_bias else np.zeros(WIDTH, np.float32)
            values += [tensor(f"{projection}.weight", WIDTH, WIDTH).T, bias]
    elif shapes:  # convolution, dense, normalisation
        values = [tensor("weight", *reversed(shapes[0])).T, tensor("bias", *shapes[1])]
    layer.set_weights([value.reshape(shape) for value, shape in zip(values, shapes, strict=True)])
