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

__all__ = ["BANDS", "FRAMES", "WIDTH", "build_network", "load_network", "load_pca"]

#: of a patch: frames, and mel bands; of an embedding
FRAMES, BANDS, WIDTH = 96, 64, 128


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
    return keras.Model(patch, layers.Dense(WIDTH, activation="relu", name="fc2")(x))


def load_network(checkpoint: Path) -> keras.Model:
    """Return the network with the published weights.

    Args:
        checkpoint: `vggish_model.ckpt`

    Raises:
        AssetError: it is no checkpoint, or a tensor is missing or has another shape
    """
    model = build_network()
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        shapes = reader.get_variable_to_shape_map()
        for layer in model.layers:
            for weight in layer.weights:
                name = _published_name(layer.name, weight.name)
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


def _published_name(layer: str, weight: str) -> str:
    """Return a tensor's name in the checkpoint, where layers of one width share a scope."""
    kind = {"kernel": "weights", "bias": "biases"}[weight]
    scope, numbered, _ = layer.partition("_")
    return f"vggish/{scope}/{layer}/{kind}" if numbered else f"vggish/{layer}/{kind}"


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
