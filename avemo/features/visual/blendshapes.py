"""How far a face moves each of 52 ways, from brows to jaw: MediaPipe's blendshapes.

TensorFlow's own interpreter runs the two networks out of MediaPipe's file. MediaPipe itself would
bring a second OpenCV, and reports its use to its maker; its face detector is not needed, for the
faces are found and upright already. It cuts them out by other points and resamples them otherwise,
so that its figures are near these and not the same.

Source:
    A. Grishchenko et al.: Blendshapes GHUM: real-time monocular facial blendshape prediction. 2023;
    Face Landmarker (float16, version 1), Apache-2.0; the order of points and shapes by MediaPipe's
    face_blendshapes_graph.cc
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AssetError
from ...faces import extract as faces
from ...quiet import import_tensorflow_quietly
from ...schema import Strict

__all__ = ["ARRAYS", "MODALITY", "POINTS", "SHAPES", "VERSION", "WEIGHTS", "Settings", "extract"]

#: raised when the same faces and settings give other figures than before
VERSION = 1
MODALITY = "visual"
ARRAYS = {"blendshapes": "float32"}
#: what it needs, in `assets.ASSETS`
WEIGHTS = ("face_landmarker",)
#: the columns
SHAPES = (
    *("neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft"),
    *("browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft"),
    *("eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight"),
    *("eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft"),
    *("eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen"),
    *("jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft"),
    *("mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower"),
    *("mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight"),
    *("mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
    *("noseSneerLeft", "noseSneerRight"),
)
#: which of the 478 points of a face the shapes are made of
POINTS = (
    *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65),
    *(66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136),
    *(144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168),
    *(172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276),
    *(282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318),
    *(321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380),
    *(381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466),
    *(468, 469, 470, 471, 472, 473, 474, 475, 476, 477),
)

_SIDE, _POINTS = 256, 478

Array = np.ndarray[Any, Any]


class Settings(Strict):
    """`extractors.blendshapes` in params.yaml: there is nothing to set."""


def extract(
    seen: Mapping[str, Array], settings: Settings, weights: Mapping[str, Path]
) -> dict[str, Array]:
    """How far each face of a clip moves each way.

    Args:
        seen: the clip's n faces, as `faces.extract` gives them
        settings: see params.yaml
        weights: the file of each of `WEIGHTS`

    Returns:
        `blendshapes`: float32 [shape=(n, 52)], of `SHAPES`, 0 to 1

    Raises:
        AssetError: the file is not what it should be
    """
    landmarks, blendshapes = _loaded(weights[WEIGHTS[0]])
    found = []
    for picture in faces.images(seen, _SIDE):
        points = landmarks(picture[None].astype(np.float32) / 255).reshape(_POINTS, 3)
        found.append(blendshapes(points[None, POINTS, :2]))
    return {"blendshapes": np.stack(found)}


class _Network:
    """One network of the file.

    Args:
        content: the network, as TensorFlow Lite keeps it
        takes: the shape of its one input
        gives: how many numbers the output has that is asked for; others may stand beside it

    Raises:
        ValueError: it is no network, or not this one
    """

    def __init__(self, content: bytes, takes: tuple[int, ...], gives: int) -> None:
        import_tensorflow_quietly()
        import tensorflow as tf

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is to move to a package of its own
            self._interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        inputs = _shapes(self._interpreter.get_input_details())
        outputs = _shapes(self._interpreter.get_output_details())
        if list(inputs.values()) != [takes]:
            raise ValueError(f"takes {list(inputs.values())}")
        fitting = [index for index, shape in outputs.items() if prod(shape) == gives]
        if len(fitting) != 1:
            raise ValueError(f"gives {list(outputs.values())}")
        (self._input,), (self._output,) = inputs, fitting

    def __call__(self, given: Array) -> Array:
        """Its answer, flat."""
        self._interpreter.set_tensor(self._input, given)
        self._interpreter.invoke()
        answer: Array = self._interpreter.get_tensor(self._output).ravel()
        return answer


def _shapes(tensors: list[dict[str, Any]]) -> dict[int, tuple[int, ...]]:
    """By the place that the interpreter has for each."""
    return {one["index"]: tuple(one["shape"].tolist()) for one in tensors}


@lru_cache(maxsize=1)
def _loaded(file: Path) -> tuple[_Network, _Network]:
    """From a face to its points, and from those to its shapes."""
    try:
        with zipfile.ZipFile(file) as bundle:
            points = bundle.read("face_landmarks_detector.tflite")
            shapes = bundle.read("face_blendshapes.tflite")
        return (
            _Network(points, (1, _SIDE, _SIDE, 3), _POINTS * 3),
            _Network(shapes, (1, len(POINTS), 2), len(SHAPES)),
        )
    except (OSError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise AssetError(f"{file} cannot be read as {WEIGHTS[0]} ({error}): remove it") from None
