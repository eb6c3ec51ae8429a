"""What a network for objects sees in a face: VGG16, as the original study took it, or a small one.

Trained on ImageNet, it knows no expressions.

Source:
    K. Simonyan, A. Zisserman: Very deep convolutional networks. ICLR 2015, weights CC BY 4.0;
    M. Sandler et al.: MobileNetV2. CVPR 2018, weights Apache-2.0; both by keras.applications
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from ...download import require_name_server
from ...errors import AssetError
from ...faces import extract as faces
from ...pretrained.keras2_weights import fill
from ...quiet import import_tensorflow_quietly
from ...schema import Strict

__all__ = [
    "ARRAYS",
    "LICENCES",
    "MODALITY",
    "NETWORKS",
    "VERSION",
    "WEIGHTS",
    "Network",
    "Settings",
    "extract",
    "fetch",
]

#: raised when the same faces and settings give other figures than before
VERSION = 1
MODALITY = "visual"
ARRAYS = {"backbone": "float16"}
#: what it needs, see `fetch`
WEIGHTS = ("backbone",)
LICENCES = ("ImageNet weights of keras.applications: CC BY 4.0 (VGG16), Apache-2.0 (MobileNetV2)",)

_AT_ONCE = 8  # faces; VGG16's first layers take 26 MB for each
_ORIGIN = "https://storage.googleapis.com/tensorflow/keras-applications"

Array = np.ndarray[Any, Any]


class Network(NamedTuple):
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
    "vgg16": Network(
        "VGG16",
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "mobilenet_v2": Network(
        "MobileNetV2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        None,
    ),
}


class Settings(Strict):
    """`extractors.backbone` in params.yaml."""

    network: Literal["vgg16", "mobilenet_v2"]
    side_px: Annotated[int, Field(ge=32, le=224)]


def extract(
    seen: Mapping[str, Array], settings: Settings, weights: Mapping[str, Path]
) -> dict[str, Array]:
    """What the network sees in each face of a clip, its last convolutions averaged over the face.

    Args:
        seen: the clip's n faces, as `faces.extract` gives them
        settings: see params.yaml
        weights: the file that `fetch` gives

    Returns:
        `backbone`: float16 [shape=(n, 512)] of VGG16, [shape=(n, 1280)] of MobileNetV2

    Raises:
        AssetError: the file is not what it should be
    """
    model, prepare = _loaded(settings.network, settings.side_px, weights[WEIGHTS[0]])
    pictures = faces.images(seen, settings.side_px)
    parts = [
        np.asarray(model(prepare(pictures[start : start + _AT_ONCE].astype(np.float32))))
        for start in range(0, len(pictures), _AT_ONCE)
    ]
    return {"backbone": np.concatenate(parts).astype(np.float16)}


def fetch(settings: Settings) -> dict[str, Path]:
    """The weights, as keras.applications fetches them: into Keras' own cache.

    Raises:
        AssetError: they cannot be had
    """
    import_tensorflow_quietly()
    import keras

    chosen = NETWORKS[settings.network]
    url = f"{_ORIGIN}/{settings.network}/{chosen.file}"
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    folder = home / "models"
    try:
        if not (folder / chosen.file).exists():
            require_name_server(url)
        found = keras.utils.get_file(
            chosen.file, url, cache_dir=str(home), cache_subdir="models", file_hash=chosen.md5
        )
    except Exception as error:  # what Keras raises where an address does not answer
        raise AssetError(
            f"{chosen.file} is missing and could not be fetched: {error}. It is for "
            f"extractors.backbone. Either copy it into {folder}, from {url}; or run again where "
            "that can be reached"
        ) from None
    return {WEIGHTS[0]: Path(found)}


@lru_cache(maxsize=1)
def _loaded(network: str, side: int, file: Path) -> tuple[Any, Any]:
    """The network, traced once, and how it wants its pictures."""
    import_tensorflow_quietly()
    import keras
    import tensorflow as tf

    chosen = NETWORKS[network]
    build = getattr(keras.applications, chosen.builder)
    shape = (side, side, 3)
    try:
        model = build(input_shape=shape, include_top=False, pooling="avg", weights=None)
        fill(model, file)
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(f"{file} cannot be read as {chosen.file} ({error}): remove it") from None
    traced = tf.function(
        lambda given: model(given, training=False), input_signature=[tf.TensorSpec((None, *shape))]
    )
    return traced, getattr(keras.applications, network).preprocess_input
