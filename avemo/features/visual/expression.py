"""What a face shows: a MobileNet trained on the 7 expressions of AffectNet, one answer a face.

The 256 numbers before its answer tell more than the answer does: by itself the network sees
happiness and disgust almost always, and next to never anger.

Source:
    A. V. Savchenko: Facial expression and attributes recognition based on multi-task learning of
    lightweight neural networks. SISY 2021; weights Apache-2.0,
    https://github.com/sb-ai-lab/EmotiEffLib
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ...errors import AssetError
from ...faces import extract as faces
from ...pretrained.keras2_weights import fill
from ...quiet import import_tensorflow_quietly
from ...schema import Strict

__all__ = [
    "ARRAYS",
    "CLASSES",
    "MODALITY",
    "VERSION",
    "WEIGHTS",
    "Settings",
    "check",
    "extract",
    "load",
    "network",
]

#: raised when the same faces and settings give other figures than before
VERSION = 1
MODALITY = "visual"
ARRAYS = {
    "expression": "float16",
    "expression_probabilities": "float32",
    "expression_stats": "float32",
}
#: what it needs, in `assets.ASSETS`
WEIGHTS = ("hsemotion_mobilenet_7",)
#: in the order of the probabilities
CLASSES = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")

_SIDE, _WIDTH = 224, 256
_MEAN = (103.939, 116.779, 123.68)  # of blue, green and red
_AT_ONCE = 16  # faces; the first layers take 20 MB for each

Array = np.ndarray[Any, Any]
Model = Callable[[Array], Any]


class Settings(Strict):
    """`extractors.expression` in params.yaml."""

    trim_ratio: Annotated[float, Field(ge=0, le=0.3)]


def extract(
    seen: Mapping[str, Array], settings: Settings, weights: Mapping[str, Path]
) -> dict[str, Array]:
    """What each face of a clip shows.

    Args:
        seen: the clip's n faces, as `faces.extract` gives them
        settings: see params.yaml
        weights: the file of each of `WEIGHTS`

    Returns:
        `expression`: float16 [shape=(n, 256)], what the network knows before it answers, none below
        0; `expression_probabilities`: float32 [shape=(n, 7)], of `CLASSES`; `expression_stats`:
        float32 [shape=(1, 2 · 263)], the mean of both over the faces, and their deviation

    Raises:
        AssetError: the file is not what it should be
    """
    model = _loaded(weights[WEIGHTS[0]])
    cut = round(settings.trim_ratio * _SIDE / (1 - 2 * settings.trim_ratio))
    pictures = faces.images(seen, _SIDE + 2 * cut)[:, cut : cut + _SIDE, cut : cut + _SIDE]
    parts = [
        model(pictures[start : start + _AT_ONCE, ..., ::-1] - np.array(_MEAN, np.float32))
        for start in range(0, len(pictures), _AT_ONCE)
    ]
    features, chances = (np.concatenate(each) for each in zip(*parts, strict=True))
    both = np.concatenate([features, chances], axis=1)
    return {
        "expression": features.astype(np.float16),
        "expression_probabilities": chances,
        "expression_stats": np.concatenate([both.mean(axis=0), both.std(axis=0)])[None],
    }


def check(weights: Mapping[str, Path]) -> None:
    """See that the file is what it should be, before anything is computed: of one no checksum is
    known.

    Raises:
        AssetError: it is not
    """
    _loaded(weights[WEIGHTS[0]])


def network() -> Any:
    """The network, untrained: a Keras model.

    In: faces, BGR less the means [shape=(faces, 224, 224, 3)]. Out: features [shape=(faces, 256)]
    and probabilities [shape=(faces, 7)].
    """
    import_tensorflow_quietly()
    import keras
    from keras import layers

    shape = (_SIDE, _SIDE, 3)
    body = keras.applications.MobileNet(shape, include_top=False, pooling="avg", weights=None)
    features = layers.Dense(_WIDTH, activation="relu", name="feats")(body.output)
    chances = layers.Dense(len(CLASSES), activation="softmax", name="emotion")(features)
    return keras.Model(body.input, [features, chances])


def load(file: Path) -> Any:
    """The network with the published weights.

    Args:
        file: `mobilenet_7.h5` as it is published, of which the weights alone are read; or the same
            network as Keras 3 keeps it, with the normalisation folded into the convolutions

    Raises:
        AssetError: it is neither, or a tensor is missing or has another shape
    """
    with file.open("rb") as stream:
        archive = stream.read(2) == b"PK"
    try:
        if archive:
            model = _kept(file)
        else:
            fill(model := network(), file)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise AssetError(f"{file} cannot be read as {WEIGHTS[0]} ({error}): remove it") from None
    shapes = [tuple(one.shape[1:]) for one in (model.input, *model.outputs)]
    expected = [(_SIDE, _SIDE, 3), (_WIDTH,), (len(CLASSES),)]
    if shapes != expected:
        raise AssetError(f"{file} takes and gives {shapes}, {expected} is expected: remove it")
    return model


@lru_cache(maxsize=1)
def _loaded(file: Path) -> Model:
    """The network, traced once for any number of faces."""
    model = load(file)
    import tensorflow as tf

    inputs = [tf.TensorSpec((None, _SIDE, _SIDE, 3))]
    traced = tf.function(lambda given: model(given, training=False), input_signature=inputs)
    return lambda given: [each.numpy() for each in traced(given)]


def _kept(file: Path) -> Any:
    """As Keras 3 keeps it, which takes no other suffix."""
    import_tensorflow_quietly()
    import keras

    with TemporaryDirectory() as folder:
        named = Path(folder, "model.keras")
        named.symlink_to(file.resolve())
        return keras.models.load_model(named, compile=False)
