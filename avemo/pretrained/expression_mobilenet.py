"""A MobileNet trained on the 7 expressions of AffectNet: the network and its published weights.

Source:
    A. V. Savchenko: Facial expression and attributes recognition based on multi-task learning of
    lightweight neural networks. SISY 2021; weights Apache-2.0,
    https://github.com/sb-ai-lab/EmotiEffLib
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly
from .keras2_weights import load_keras2_weights

if TYPE_CHECKING:
    import keras

__all__ = ["CLASSES", "MEAN_BGR", "SIDE", "build_network", "load_network"]

#: in the order of the probabilities
CLASSES = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
#: pixels of a face's side
SIDE = 224
MEAN_BGR = (103.939, 116.779, 123.68)
_WIDTH = 256


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


def _load_keras3(file: Path) -> keras.Model:
    """Load a model in Keras 3's format, which accepts no other suffix than its own."""
    import_tensorflow_quietly()
    import keras

    with TemporaryDirectory() as folder:
        link = Path(folder, "model.keras")
        link.symlink_to(file.resolve())
        return keras.models.load_model(link, compile=False)
