"""VGGish: the network, its published weights, and the principal components of its embeddings.

Source:
    S. Hershey et al.: CNN architectures for large-scale audio classification. ICASSP 2017;
    release Apache-2.0, https://github.com/tensorflow/models/tree/master/research/audioset/vggish
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly

if TYPE_CHECKING:
    import keras

__all__ = [
    "BANDS",
    "CONVOLUTIONS",
    "DENSE",
    "FRAMES",
    "WIDTH",
    "build_network",
    "load_network",
    "load_pca",
    "read_tensors",
]

#: of a patch: frames, and mel bands; of an embedding
FRAMES, BANDS, WIDTH = 96, 64, 128
#: layers with their widths; the largest of two by two follows each group of convolutions
CONVOLUTIONS = (
    {"conv1": 64},
    {"conv2": 128},
    {"conv3_1": 256, "conv3_2": 256},
    {"conv4_1": 512, "conv4_2": 512},
)
DENSE = {"fc1_1": 4096, "fc1_2": 4096, "fc2": WIDTH}


def build_network() -> keras.Model:
    """Return the network, untrained.

    In: log-mel patches [shape=(patches, 96, 64)]. Out: embeddings [shape=(patches, 128)], none
    below 0.
    """
    import_tensorflow_quietly()
    import keras
    from keras import layers

    patch = keras.Input((FRAMES, BANDS), name="patch")
    x = layers.Reshape((FRAMES, BANDS, 1))(patch)
    for group in CONVOLUTIONS:
        for name, width in group.items():
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for name, width in DENSE.items():
        x = layers.Dense(width, activation="relu", name=name)(x)
    return keras.Model(patch, x)


def load_network(checkpoint: Path) -> keras.Model:
    """Return the network with the published weights, see `read_tensors`."""
    tensors = read_tensors(checkpoint)
    model = build_network()
    for name, weights in tensors.items():
        model.get_layer(name).set_weights(weights)
    return model


def read_tensors(checkpoint: Path) -> dict[str, list[NDArray[np.float32]]]:
    """Return the published weights and biases of each layer.

    Args:
        checkpoint: `vggish_model.ckpt`

    Returns:
        by layer, in order: the weights [shape=(3, 3, channels, width)] of a convolution or
        [shape=(columns, width)] of a dense layer, and the biases [shape=(width,)]

    Raises:
        AssetError: it is no checkpoint, or a tensor is missing or has another shape
    """
    import_tensorflow_quietly()
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        present = reader.get_variable_to_shape_map()
        tensors: dict[str, list[NDArray[np.float32]]] = {}
        for layer, shape in _weight_shapes().items():
            published = {f"{_scope(layer)}/weights": shape, f"{_scope(layer)}/biases": shape[-1:]}
            for name, expected in published.items():
                if present.get(name) != expected:
                    raise AssetError(
                        f"{checkpoint}: {name} is {present.get(name, 'missing')}, "
                        f"{expected} is expected: take the one of the AudioSet release"
                    )
            tensors[layer] = [reader.get_tensor(name) for name in published]
    except tf.errors.OpError as error:
        raise AssetError(
            f"{checkpoint} cannot be read as a TensorFlow checkpoint ({error.message}): remove it"
        ) from None
    return tensors


def _weight_shapes() -> dict[str, list[int]]:
    shapes = {}
    channels, halvings = 1, 2 ** len(CONVOLUTIONS)
    for name, width in (item for group in CONVOLUTIONS for item in group.items()):
        shapes[name] = [3, 3, channels, width]
        channels = width
    columns = FRAMES // halvings * (BANDS // halvings) * channels
    for name, width in DENSE.items():
        shapes[name] = [columns, width]
        columns = width
    return shapes


def _scope(layer: str) -> str:
    """Return what a layer's tensors begin with; layers of one width share an outer scope."""
    outer, numbered, _ = layer.partition("_")
    return f"vggish/{outer}/{layer}" if numbered else f"vggish/{layer}"


@lru_cache(maxsize=1)
def load_pca(file: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the principal components of AudioSet's embeddings.

    Args:
        file: `vggish_pca_params.npz`

    Returns:
        the directions [shape=(128, 128)], a row each, and the means [shape=(128,)]

    Raises:
        AssetError: it is no such file
    """
    try:
        with np.load(file) as content:
            vectors, means = content["pca_eigen_vectors"], content["pca_means"]
    except (OSError, BadZipFile, KeyError, TypeError, ValueError) as error:
        raise AssetError(f"{file} cannot be read as VGGish's PCA ({error}): remove it") from None
    if vectors.shape != (WIDTH, WIDTH) or means.size != WIDTH:
        raise AssetError(
            f"{file}: pca_eigen_vectors {vectors.shape} and pca_means {means.shape} are there, "
            f"({WIDTH}, {WIDTH}) and {WIDTH} values are expected: "
            "take the one of the AudioSet release"
        )
    return vectors, means.ravel()
