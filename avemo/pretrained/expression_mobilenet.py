"""A MobileNet trained on the 7 expressions of AffectNet: network, published weights, and classes.

Source:
    A. V. Savchenko: Facial expression and attributes recognition based on multi-task learning of
    lightweight neural networks. SISY 2021; weights Apache-2.0,
    https://github.com/sb-ai-lab/EmotiEffLib
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly
from .keras2_weights import load_keras2_weights

if TYPE_CHECKING:
    import keras

__all__ = [
    "CLASSES",
    "MEAN_BGR",
    "MEAN_FEATURE",
    "SIDE",
    "build_network",
    "class_shares",
    "load_network",
]

#: in the order of the probabilities
CLASSES = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
#: pixels of a face's side
SIDE = 224
MEAN_BGR = (103.939, 116.779, 123.68)
_WIDTH = 256

#: of the extractor `expression`: the mean of the probabilities over a clip's faces
MEAN_FEATURE = "expression_mean"

#: by expression, what tasks call it
_NAMES = {
    "anger": ("anger", "angry"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "fearful"),
    "happy": ("happy", "happiness", "joy"),
    "neutral": ("neutral", "calm"),
    "sad": ("sad", "sadness"),
    "surprise": ("surprise", "surprised"),
}

#: of every answer this share goes to all classes alike, so that none is impossible
_SPREAD = 0.05

#: of classes that share an expression, the first gets so much more: rounding decides no tie
_FIRST = 1.04


def build_network() -> keras.Model:
    """Return the network, untrained.

    In: faces, BGR less the means [shape=(faces, 224, 224, 3)]. Out: features [shape=(faces, 256)]
    and probabilities [shape=(faces, 7)].
    """
    import_tensorflow_quietly()
    import keras
    from keras import layers

    shape = (SIDE, SIDE, 3)
    body = keras.applications.MobileNet(shape, include_top=False, pooling="avg", weights=None)
    features = layers.Dense(_WIDTH, activation="relu", name="feats")(body.output)
    probabilities = layers.Dense(len(CLASSES), activation="softmax", name="emotion")(features)
    return keras.Model(body.input, [features, probabilities])


def load_network(file: Path) -> keras.Model:
    """Return the network with the published weights; its input is called `faces`.

    Args:
        file: `mobilenet_7.h5` as it is published, of which the weights alone are read; or the same
            network in Keras 3's format, with the normalisation folded into the convolutions

    Raises:
        AssetError: it is neither, or a tensor is missing or has another shape
    """
    with file.open("rb") as stream:
        is_archive = stream.read(2) == b"PK"
    try:
        if is_archive:
            model = _load_keras3(file)
        else:
            load_keras2_weights(model := build_network(), file)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise AssetError(
            f"{file} cannot be read as hsemotion_mobilenet_7 ({error}): remove it"
        ) from None
    shapes = [tuple(tensor.shape[1:]) for tensor in (model.input, *model.outputs)]
    expected = [(SIDE, SIDE, 3), (_WIDTH,), (len(CLASSES),)]
    if shapes != expected:
        raise AssetError(f"{file} takes and gives {shapes}, {expected} is expected: remove it")
    import keras

    faces = keras.Input((SIDE, SIDE, 3), name="faces")
    return keras.Model(faces, model(faces))


def class_shares(classes: Sequence[str]) -> NDArray[np.float64]:
    """Return how the probability of each expression is shared among a task's classes.

    Expressions become classes by their names. Classes of one expression, such as neutral and calm,
    share its probability. An expression that is no class tells nothing: all classes share its
    probability. A class that is no expression gets its part of what all share.

    Args:
        classes: their names, in the order of the answers

    Returns:
        [shape=(7, classes)], in the order of `CLASSES`; every row sums to one
    """
    shares = np.full((len(CLASSES), len(classes)), 1 / len(classes))
    for row, expression in zip(shares, CLASSES, strict=True):
        if names := [name for name in classes if name in _NAMES[expression]]:
            weights = [_FIRST if name == names[0] else float(name in names) for name in classes]
            row[:] = np.array(weights) / sum(weights)
    spread: NDArray[np.float64] = (1 - _SPREAD) * shares + _SPREAD / len(classes)
    return spread


def _load_keras3(file: Path) -> keras.Model:
    """Load a model in Keras 3's format, which accepts no other suffix than its own."""
    import_tensorflow_quietly()
    import keras

    with TemporaryDirectory() as folder:
        link = Path(folder, "model.keras")
        link.symlink_to(file.resolve())
        return keras.models.load_model(link, compile=False)
