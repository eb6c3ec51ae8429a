"""What VGGish hears: 128 numbers for each patch of 0.96 s, made to tell sounds of any kind apart.

The embedding is taken after the last ReLU, as in the release that the study of 2020 used; the newer
release gives it before. `vggish_pca` is made of it as the published features of AudioSet are:
whitened, 8 bits each.

Source:
    S. Hershey et al.: CNN architectures for large-scale audio classification. ICASSP 2017;
    release Apache-2.0, https://github.com/tensorflow/models/tree/master/research/audioset/vggish
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field

from ...errors import AssetError
from ...quiet import import_tensorflow_quietly
from ...schema import Strict

__all__ = [
    "ARRAYS",
    "MODALITY",
    "VERSION",
    "WEIGHTS",
    "Settings",
    "extract",
    "load",
    "log_mel",
    "network",
    "postprocess",
]

#: raised when the same sound and settings give other figures than before
VERSION = 1
MODALITY = "audio"
ARRAYS = {"vggish": "float32", "vggish_pca": "uint8"}
#: what it needs, in `assets.ASSETS`
WEIGHTS = ("vggish", "vggish_pca")

_RATE, _WINDOW, _HOP, _FFT = 16000, 400, 160, 512
_BANDS, _LOW_HZ, _HIGH_HZ, _OFFSET = 64, 125, 7500, 0.01
_FRAMES, _WIDTH = 96, 128
_SHORTEST = _WINDOW + (_FRAMES - 1) * _HOP
_AT_ONCE = 64  # patches; the first layer alone takes 1.5 MB for each


class Settings(Strict):
    """`extractors.vggish` in params.yaml."""

    sample_rate: Literal[16000]
    patch_hop_s: Annotated[float, Field(ge=0.01, le=0.96)]


def extract(
    sound: np.ndarray[Any, Any], settings: Settings, weights: Mapping[str, Path]
) -> dict[str, np.ndarray[Any, Any]]:
    """The embeddings of a whole clip.

    As in the release, what is left after the last whole patch is not heard. A clip shorter than
    one patch is filled up with silence: the release gives it no row, and a recording needs one.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz
        settings: see params.yaml
        weights: the file of each of `WEIGHTS`

    Returns:
        `vggish`: float32 [shape=(patches, 128)]; `vggish_pca`: uint8 [shape=(patches, 128)]

    Raises:
        AssetError: a file is not what it should be
    """
    model = _loaded(weights["vggish"])
    mel = log_mel(np.pad(sound, (0, max(0, _SHORTEST - len(sound)))))
    hop = round(settings.patch_hop_s * _RATE / _HOP)
    patches = sliding_window_view(mel, _FRAMES, axis=0)[::hop].transpose(0, 2, 1)
    parts = [
        np.asarray(model(patches[start : start + _AT_ONCE], training=False))
        for start in range(0, len(patches), _AT_ONCE)
    ]
    found = np.concatenate(parts)
    return {"vggish": found, "vggish_pca": postprocess(found, weights["vggish_pca"])}


def log_mel(sound: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The spectrogram that VGGish was trained on: log(magnitude in a mel band + 0.01).

    Ten seconds are transformed at a time, so that memory does not grow with the clip.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz, at least 25 ms

    Returns:
        float32 [shape=(frames, 64)], a frame each 10 ms, each wholly inside the sound
    """
    from scipy.fft import rfft

    taper, filters = _tables()
    frames = sliding_window_view(sound, _WINDOW)[::_HOP]
    step = 10 * _RATE // _HOP
    parts = [
        np.abs(rfft(frames[start : start + step] * taper, _FFT)) @ filters
        for start in range(0, len(frames), step)
    ]
    return np.log(np.concatenate(parts) + _OFFSET).astype(np.float32)


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Hann's window, periodic, and the mel filters [shape=(257, 64)], in double precision.

    They are triangles over the mel scale, where librosa's are triangles over frequency. In single
    precision, rounding beside a loud tone shows against the offset.
    """
    taper = 0.5 - 0.5 * np.cos(2 * np.pi / _WINDOW * np.arange(_WINDOW))
    low, high, bins = (
        1127 * np.log1p(np.asarray(hz) / 700)
        for hz in (_LOW_HZ, _HIGH_HZ, np.linspace(0, _RATE / 2, _FFT // 2 + 1))
    )
    edges = np.linspace(low, high, _BANDS + 2)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    return taper, filters


def network() -> Any:
    """The network, untrained: a Keras model.

    In: log-mel patches [shape=(patches, 96, 64)]. Out: embeddings [shape=(patches, 128)], none
    below 0.
    """
    import_tensorflow_quietly()
    import keras
    from keras import layers

    patch = keras.Input((_FRAMES, _BANDS), name="patch")
    x = layers.Reshape((_FRAMES, _BANDS, 1))(patch)
    for width, names in (
        (64, ("conv1",)),
        (128, ("conv2",)),
        (256, ("conv3_1", "conv3_2")),
        (512, ("conv4_1", "conv4_2")),
    ):
        for name in names:
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for name in ("fc1_1", "fc1_2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return keras.Model(patch, layers.Dense(_WIDTH, activation="relu", name="fc2")(x))


def load(checkpoint: Path) -> Any:
    """The network with the published weights.

    Args:
        checkpoint: `vggish_model.ckpt`

    Raises:
        AssetError: it is no checkpoint, or a tensor is missing or has another shape
    """
    import tensorflow as tf

    model = network()
    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        shapes = reader.get_variable_to_shape_map()
        for layer in model.layers:
            for weight in layer.weights:
                name = _published(layer.name, weight.name)
                if shapes.get(name) != list(weight.shape):
                    raise AssetError(
                        f"{checkpoint}: {name} is {shapes.get(name, 'missing')}, "
                        f"{list(weight.shape)} is expected: take the one of the AudioSet release"
                    )
                weight.assign(reader.get_tensor(name))
    except tf.errors.OpError as error:
        raise AssetError(
            f"{checkpoint} cannot be read as a TensorFlow checkpoint ({error.message}): remove it"
        ) from None
    return model


_loaded = lru_cache(maxsize=1)(load)


def _published(layer: str, weight: str) -> str:
    """A tensor's name in the checkpoint, where layers of one width stand in a scope together."""
    kind = {"kernel": "weights", "bias": "biases"}[weight]
    scope, several, _ = layer.partition("_")
    return f"vggish/{scope}/{layer}/{kind}" if several else f"vggish/{layer}/{kind}"


def postprocess(embeddings: np.ndarray[Any, Any], parameters: Path) -> np.ndarray[Any, Any]:
    """Embeddings as in the published features of AudioSet.

    Principal components, whitened, cut to -2 to 2 and that range laid on 0 to 255.

    Args:
        embeddings: [shape=(patches, 128)]
        parameters: `vggish_pca_params.npz`

    Returns:
        uint8 [shape=(patches, 128)]

    Raises:
        AssetError: the parameters are not what they should be
    """
    vectors, means = _parameters(parameters)
    components = np.clip((embeddings - means) @ vectors.T, -2, 2)
    quantised: np.ndarray[Any, Any] = ((components + 2) * (255 / 4)).astype(np.uint8)
    return quantised


@lru_cache(maxsize=1)
def _parameters(file: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The principal directions [shape=(128, 128)], a row each, and the means [shape=(128,)]."""
    try:
        with np.load(file) as found:
            vectors, means = found["pca_eigen_vectors"], found["pca_means"]
    except (OSError, BadZipFile, KeyError, TypeError, ValueError) as error:
        raise AssetError(f"{file} cannot be read as VGGish's PCA ({error}): remove it") from None
    if vectors.shape != (_WIDTH, _WIDTH) or means.size != _WIDTH:
        raise AssetError(
            f"{file}: pca_eigen_vectors {vectors.shape} and pca_means {means.shape} are there, "
            f"({_WIDTH}, {_WIDTH}) and {_WIDTH} values are expected: "
            "take the one of the AudioSet release"
        )
    return vectors, means.ravel()
