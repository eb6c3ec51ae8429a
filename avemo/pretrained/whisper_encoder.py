"""Whisper's encoder, of the size tiny.en: the network and its published weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly

__all__ = ["BANDS", "POSITIONS", "WIDTH", "load", "network", "shrink"]

BANDS, WIDTH, POSITIONS = 80, 384, 1500
_HEADS, _LAYERS = 6, 4
_ENCODER = "model.encoder."


def network() -> Any:
    """The encoder, untrained: a Keras model.

    In: `mel` [shape=(clips, frames, 80)], frames even, zeros after a clip's end; `inside`, one
    where a frame is the clip's [shape=(clips, frames)]. Out: five hidden states [shape=(clips,
    frames / 2, 5, 384)]: what goes into the first block, what comes out of each, the last one
    normalised. What a clip gives does not depend on what it is padded with.
    """
    import_tensorflow_quietly()
    import keras
    from keras import layers, ops

    mel = keras.Input((None, BANDS), name="mel")
    inside = keras.Input((None,), name="inside")
    x = layers.Conv1D(WIDTH, 3, padding="same", name="conv1")(mel)
    x = keras.activations.gelu(x) * inside[:, :, None]
    x = layers.ZeroPadding1D(1)(x)
    x = layers.Conv1D(WIDTH, 3, strides=2, name="conv2")(x)
    x = keras.activations.gelu(x)
    place = ops.cast(ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1), "int32") - 1
    x = x + layers.Embedding(POSITIONS, WIDTH, name="embed_positions")(place)
    seen = inside[:, None, ::2] > 0
    states = [x]
    for number in range(_LAYERS):
        name = f"layers.{number}"
        y = layers.LayerNormalization(epsilon=1e-5, name=f"{name}.self_attn_layer_norm")(x)
        attention = layers.MultiHeadAttention(_HEADS, WIDTH // _HEADS, name=f"{name}.self_attn")
        x = x + attention(y, y, attention_mask=seen)
        y = layers.LayerNormalization(epsilon=1e-5, name=f"{name}.final_layer_norm")(x)
        y = keras.activations.gelu(layers.Dense(4 * WIDTH, name=f"{name}.fc1")(y))
        x = x + layers.Dense(WIDTH, name=f"{name}.fc2")(y)
        states.append(x)
    states[-1] = layers.LayerNormalization(epsilon=1e-5, name="layer_norm")(x)
    return keras.Model([mel, inside], ops.stack(states, axis=2))


def load(file: Path) -> Any:
    """The encoder with the published weights, halved in precision whatever they come in.

    Raises:
        AssetError: it is no safetensors file, or a tensor is missing or has another shape
    """
    model = network()
    with _opened(file) as stream:
        for layer in model.layers:
            _fill(layer, stream, file)
    return model


def shrink(file: Path, target: Path) -> None:
    """Write the encoder alone, in half precision: 16 MB of the 151 that are published.

    Args:
        file: the weights
        target: a file that `load` takes as well

    Raises:
        AssetError: it is no safetensors file
    """
    from safetensors.numpy import save_file

    with _opened(file) as stream:
        names = [name for name in stream.keys() if name.startswith(_ENCODER)]  # noqa: SIM118
        save_file({name: stream.get_tensor(name).astype(np.float16) for name in names}, target)


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as stream:
            yield stream
    except SafetensorError as error:
        raise AssetError(f"{file} is no safetensors file ({error}): remove it") from None


def _fill(layer: Any, stream: Any, file: Path) -> None:
    """Give a layer its published tensors."""

    def tensor(name: str, *shape: int) -> np.ndarray[Any, Any]:
        full = f"{_ENCODER}{layer.name}.{name}"
        there = full in stream.keys()  # noqa: SIM118, it is no dictionary
        found: np.ndarray[Any, Any] = stream.get_tensor(full) if there else np.zeros(())
        if found.shape != shape:
            raise AssetError(
                f"{file}: {full} is {list(found.shape) if there else 'missing'}, {list(shape)} is "
                "expected: take the file of openai/whisper-tiny.en"
            )
        return found.astype(np.float16).astype(np.float32)

    shapes = [tuple(weight.shape) for weight in layer.weights]
    kind = type(layer).__name__
    values: list[np.ndarray[Any, Any]] = []
    if kind == "Embedding":
        values = [tensor("weight", *shapes[0])]
    elif kind == "MultiHeadAttention":
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            bias = np.zeros(WIDTH) if part == "k_proj" else tensor(f"{part}.bias", WIDTH)
            values += [tensor(f"{part}.weight", WIDTH, WIDTH).T, bias]
    elif shapes:  # convolution, dense, normalisation
        values = [tensor("weight", *reversed(shapes[0])).T, tensor("bias", *shapes[1])]
    layer.set_weights([each.reshape(shape) for each, shape in zip(values, shapes, strict=True)])
