"""MediaPipe's Face Landmarker: the networks for a face's landmarks and for its blendshapes.

MediaPipe itself would bring a second OpenCV, and reports its use to its maker.

Source:
    A. Grishchenko et al.: Blendshapes GHUM: real-time monocular facial blendshape prediction. 2023;
    Face Landmarker (float16, version 1), Apache-2.0; the order of landmarks and blendshapes by
    MediaPipe's face_blendshapes_graph.cc
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from ..errors import AssetError
from ..quiet import import_tensorflow_quietly

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = [
    "BLENDSHAPES",
    "BLENDSHAPE_LANDMARKS",
    "LANDMARKS",
    "SIDE",
    "FaceLandmarker",
    "load_landmarker",
    "read_networks",
]

#: the columns of the answer
BLENDSHAPES = (
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
#: which of the 478 landmarks the second network takes
BLENDSHAPE_LANDMARKS = (
    *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65),
    *(66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136),
    *(144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168),
    *(172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276),
    *(282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318),
    *(321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380),
    *(381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466),
    *(468, 469, 470, 471, 472, 473, 474, 475, 476, 477),
)

#: pixels of a face's side
SIDE = 256
#: of a face
LANDMARKS = 478

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FaceLandmarker:
    """The two networks, as TensorFlow runs them; `runtime.export` writes them as one graph.

    Args:
        landmark_network: from a face's picture to its landmarks
        blendshape_network: from some of the landmarks to blendshapes
    """

    landmark_network: _TFLiteNetwork
    blendshape_network: _TFLiteNetwork

    def __call__(self, inputs: Mapping[str, Floats]) -> list[Floats]:
        """Return the blendshapes and the landmarks of a face.

        Args:
            inputs: `face`, RGB of 0 to 1 [shape=(1, 256, 256, 3)]

        Returns:
            the blendshapes, 0 to 1, in the order of `BLENDSHAPES` [shape=(52,)]; and the landmarks:
            x, y and depth in pixels [shape=(478, 3)]
        """
        landmarks = self.landmark_network.run(inputs["face"]).reshape(LANDMARKS, 3)
        points = landmarks[None, BLENDSHAPE_LANDMARKS, :2]
        return [self.blendshape_network.run(points), landmarks]


def read_networks(file: Path) -> tuple[bytes, bytes]:
    """Return the content of the networks' files: that for landmarks, that for blendshapes.

    Args:
        file: `face_landmarker.task`

    Raises:
        AssetError: it holds no such files
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return (
                archive.read("face_landmarks_detector.tflite"),
                archive.read("face_blendshapes.tflite"),
            )
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise AssetError(_not_readable(file, error)) from None


def load_landmarker(file: Path) -> FaceLandmarker:
    """Return the networks as TensorFlow runs them.

    Args:
        file: `face_landmarker.task`

    Raises:
        AssetError: it holds no such networks
    """
    landmarks, blendshapes = read_networks(file)
    try:
        return FaceLandmarker(
            _TFLiteNetwork(landmarks, (1, SIDE, SIDE, 3), LANDMARKS * 3),
            _TFLiteNetwork(blendshapes, (1, len(BLENDSHAPE_LANDMARKS), 2), len(BLENDSHAPES)),
        )
    except (RuntimeError, ValueError) as error:
        raise AssetError(_not_readable(file, error)) from None


def _not_readable(file: Path, error: Exception) -> str:
    return f"{file} cannot be read as face_landmarker ({error}): remove it"


class _TFLiteNetwork:
    """A network of TensorFlow Lite, run with one thread.

    Args:
        content: of its file
        input_shape: of its one input
        output_size: numbers in the output that is wanted; the network may have others

    Raises:
        ValueError: it is no network, or not the one expected
    """

    def __init__(self, content: bytes, input_shape: tuple[int, ...], output_size: int) -> None:
        import_tensorflow_quietly()
        import tensorflow as tf

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TensorFlow announces that it moves the interpreter
            self._interpreter: tf.lite.Interpreter = tf.lite.Interpreter(
                model_content=content, num_threads=1
            )
        self._interpreter.allocate_tensors()
        inputs = _shapes_by_index(self._interpreter.get_input_details())
        outputs = _shapes_by_index(self._interpreter.get_output_details())
        if list(inputs.values()) != [input_shape]:
            raise ValueError(f"takes {list(inputs.values())}")
        matching = [index for index, shape in outputs.items() if prod(shape) == output_size]
        if len(matching) != 1:
            raise ValueError(f"gives {list(outputs.values())}")
        (self._input,), (self._output,) = inputs, matching

    def run(self, batch: Floats) -> Floats:
        """Return the network's output, flat [shape=(output_size,)]."""
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        output: Floats = self._interpreter.get_tensor(self._output).ravel()
        return output


class _TensorDetails(TypedDict):
    index: int
    shape: NDArray[np.int32]


def _shapes_by_index(tensors: list[_TensorDetails]) -> dict[int, tuple[int, ...]]:
    return {tensor["index"]: tuple(tensor["shape"].tolist()) for tensor in tensors}
