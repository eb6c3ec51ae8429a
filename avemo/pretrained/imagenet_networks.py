"""Networks of keras.applications, trained on ImageNet, and how their weights are fetched.

Source:
    K. Simonyan, A. Zisserman: Very deep convolutional networks. ICLR 2015, weights CC BY 4.0;
    M. Sandler et al.: MobileNetV2. CVPR 2018, weights Apache-2.0; both by keras.applications
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..download import DownloadError, fetch_file, require_name_server
from ..errors import AssetError
from ..io import atomic_write
from ..quiet import import_tensorflow_quietly
from .keras2_weights import load_keras2_weights

if TYPE_CHECKING:
    import keras

__all__ = ["LICENCE", "NETWORKS", "PublishedNetwork", "fetch_weights", "load_network"]

LICENCE = "ImageNet weights of keras.applications: CC BY 4.0 (VGG16), Apache-2.0 (MobileNetV2)"
_ORIGIN = "https://storage.googleapis.com/tensorflow/keras-applications"


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


def fetch_weights(name: str, *, quiet: bool = False) -> Path:
    """Return a network's weights, fetched into Keras' own cache where they are not there.

    Args:
        name: a key of `NETWORKS`
        quiet: no progress bar

    Raises:
        AssetError: they cannot be had
    """
    network = NETWORKS[name]
    url = f"{_ORIGIN}/{name}/{network.file}"
    file = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models" / network.file
    if file.exists():
        return file
    try:
        require_name_server(url)
        with atomic_write(file) as temporary:
            fetch_file(url, temporary, progress=not quiet)
            with temporary.open("rb") as stream:
                md5 = hashlib.file_digest(stream, "md5").hexdigest()
            if network.md5 not in (None, md5):
                raise DownloadError(f"{url} gave a file with md5 {md5}, expected {network.md5}")
    except (OSError, DownloadError) as error:
        raise AssetError(
            f"{network.file} is missing and could not be fetched: {error}. It is for "
            f"extractors.backbone. Either copy it into {file.parent}, from {url}; or run again "
            "where that can be reached"
        ) from None
    return file


def load_network(name: str, side: int, file: Path) -> keras.Model:
    """Return a network with the published weights: the average of its last convolutions.

    Its input is called `pictures`: RGB of 0 to 255 [shape=(n, side, side, 3)].

    Args:
        name: a key of `NETWORKS`
        side: of the pictures, in pixels
        file: the weights

    Raises:
        AssetError: the file holds no such network
    """
    import_tensorflow_quietly()
    import keras

    network = NETWORKS[name]
    build = getattr(keras.applications, network.builder)
    shape = (side, side, 3)
    try:
        model = build(input_shape=shape, include_top=False, pooling="avg", weights=None)
        load_keras2_weights(model, file)
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(f"{file} cannot be read as {network.file} ({error}): remove it") from None
    preprocess = getattr(keras.applications, name).preprocess_input
    pictures = keras.Input(shape, name="pictures")
    return keras.Model(pictures, model(preprocess(pictures)))
