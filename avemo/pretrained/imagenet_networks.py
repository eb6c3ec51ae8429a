"""Networks of keras.applications, trained on ImageNet, and how their weights are fetched.

Source:
    K. Simonyan, A. Zisserman: Very deep convolutional networks. ICLR 2015, weights CC BY 4.0;
    M. Sandler et al.: MobileNetV2. CVPR 2018, weights Apache-2.0; both by keras.applications
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..download import require_name_server
from ..errors import AssetError
from ..quiet import import_tensorflow_quietly
from .keras2_weights import load_keras2_weights

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["LICENCE", "NETWORKS", "PublishedNetwork", "fetch_weights", "load_traced"]

LICENCE = "ImageNet weights of keras.applications: CC BY 4.0 (VGG16), Apache-2.0 (MobileNetV2)"
_ORIGIN = "https://storage.googleapis.com/tensorflow/keras-applications"

Pictures = NDArray[np.float32]


class PublishedNetwork(NamedTuple):
    """A network of keras.applications.

    Args:
        builder: its function there, in the module that is called as the network is
        file: the weights without the head
        md5: theirs, where keras.applications knows it
    """

    builder: str
    file: str
    md5: str | None


NETWORKS = {
    "vgg16": PublishedNetwork(
        "VGG16",
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "mobilenet_v2": PublishedNetwork(
        "MobileNetV2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        None,
    ),
}


def fetch_weights(name: str) -> Path:
    """Return a network's weights, as keras.applications fetches them: into Keras' own cache.

    Args:
        name: a key of `NETWORKS`

    Raises:
        AssetError: they cannot be had
    """
    import_tensorflow_quietly()
    import keras

    network = NETWORKS[name]
    url = f"{_ORIGIN}/{name}/{network.file}"
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    folder = home / "models"
    try:
        if not (folder / network.file).exists():
            require_name_server(url)
        file = keras.utils.get_file(
            network.file, url, cache_dir=str(home), cache_subdir="models", file_hash=network.md5
        )
    except Exception as error:  # what Keras raises where an address does not answer
        raise AssetError(
            f"{network.file} is missing and could not be fetched: {error}. It is for "
            f"extractors.backbone. Either copy it into {folder}, from {url}; or run again where "
            "that can be reached"
        ) from None
    return Path(file)


@lru_cache(maxsize=1)
def load_traced(name: str, side: int, file: Path) -> Callable[[Pictures], tf.Tensor]:
    """Return a function from pictures to the average of the network's last convolutions.

    Args:
        name: a key of `NETWORKS`
        side: of the pictures, in pixels
        file: the weights

    Returns:
        takes RGB of 0 to 255, float32 [shape=(n, side, side, 3)]

    Raises:
        AssetError: the file holds no such network
    """
    import_tensorflow_quietly()
    import keras
    import tensorflow as tf

    network = NETWORKS[name]
    build = getattr(keras.applications, network.builder)
    shape = (side, side, 3)
    try:
        model = build(input_shape=shape, include_top=False, pooling="avg", weights=None)
        load_keras2_weights(model, file)
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(f"{file} cannot be read as {network.file} ({error}): remove it") from None
    traced = tf.function(
        lambda pictures: model(pictures, training=False),
        input_signature=[tf.TensorSpec((None, *shape))],
    )
    preprocess = getattr(keras.applications, name).preprocess_input
    return lambda pictures: traced(preprocess(pictures))
