"""YuNet (OpenCV Zoo) finds faces, by OpenCV's own `FaceDetectorYN`; MTCNN's O-Net places points.

YuNet's own points tremble: on real recordings they are 4 % of a face's width from those of
MediaPipe's Face Landmarker, O-Net's in the same faces 1.4 %.

Source:
    W. Wu et al.: YuNet: a tiny millisecond-level face detector. Machine Intelligence Research, 2023
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import GraphError
from ...runtime.graph import Graph
from .detector import Face
from .mtcnn import look_closely
from .pictures import normalise, scale_image, to_original
from .two_scales import MIN_SCORE, TwoScaleDetector

__all__ = ["YunetDetector"]

_MAX_OVERLAP = 0.3  # of two boxes, as a share of their union
_MIN_ONET_SCORE = 0.5  # if O-Net sees no face, YuNet's own points stay


class YunetDetector(TwoScaleDetector):
    """YuNet, one image at a time.

    Args:
        weights: the content of YuNet's ONNX file
        onet: MTCNN's O-Net
        side_px: the longer side at which it looks at a picture first
    """

    name = "yunet"

    def __init__(self, weights: bytes, onet: Graph, side_px: int) -> None:
        super().__init__(side_px)
        self._yunet = _create_yunet(weights)
        self._lock = threading.Lock()  # the size of its input is a state of YuNet
        self._onet = onet

    def _detect_at(self, image: NDArray[np.uint8], scale: float) -> list[Face]:
        height, width = image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = scale_image(image, size)
        with self._lock:
            self._yunet.setInputSize(size)
            _, rows = self._yunet.detect(small)
        if rows is None:
            return []
        corners, sides, scores = rows[:, :2], rows[:, 2:4], rows[:, 14]
        boxes = np.concatenate([corners, corners + sides], axis=1)
        landmarks = self._place_landmarks(small, corners, sides, rows[:, 4:14].reshape(-1, 5, 2))
        return [
            Face(to_original(box.reshape(2, 2), scale).ravel(), to_original(points, scale), score)
            for box, points, score in zip(boxes, landmarks, scores.tolist(), strict=True)
        ]

    def _place_landmarks(
        self,
        image: NDArray[np.uint8],
        corners: NDArray[np.float32],
        sides: NDArray[np.float32],
        landmarks: NDArray[np.float32],
    ) -> NDArray[np.floating]:
        """Return the landmarks that O-Net sees, and YuNet's own where it sees no face.

        Args:
            image: BGR [shape=(height, width, 3)]
            corners: left and top of the boxes [shape=(n, 2)]
            sides: their widths and heights [shape=(n, 2)]
            landmarks: YuNet's [shape=(n, 5, 2)]
        """
        centres = corners + sides / 2
        halves = np.sqrt(sides.prod(axis=1, keepdims=True)) / 2
        squares = np.concatenate([centres - halves, centres + halves], axis=1)
        owners = np.zeros(len(squares), np.intp)
        _, onet_landmarks, scores = look_closely(
            self._onet, normalise(image)[None], owners, squares
        )
        return np.where((scores >= _MIN_ONET_SCORE)[:, None, None], onet_landmarks, landmarks)


def _create_yunet(weights: bytes) -> Any:
    """Return a `cv2.FaceDetectorYN`.

    Raises:
        GraphError: OpenCV cannot read the file
    """
    import cv2

    content, no_config = np.frombuffer(weights, np.uint8), np.empty(0, np.uint8)
    log = cv2.utils.logging
    level = log.getLogLevel()
    # it sets the processor as the target, which is the only one, and OpenCV 5.0 warns of that
    log.setLogLevel(log.LOG_LEVEL_ERROR)
    try:
        size = (320, 320)  # until the first image's is set
        return cv2.FaceDetectorYN.create("onnx", content, no_config, size, MIN_SCORE, _MAX_OVERLAP)
    except cv2.error as error:
        raise GraphError(f"yunet.onnx cannot be run: {error.err}") from None
    finally:
        log.setLogLevel(level)
