"""MTCNN (package mtcnn): needs only what its wheel carries, code and weights both MIT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...quiet import import_tensorflow_quietly
from .detector import Detector, Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MtcnnDetector"]

# The frame is scaled so that the smallest face worth finding, a tenth of the frame, has the
# 20 pixels that the networks start at: the package finds nothing if it starts higher.
_SHORT_SIDE_PX = 200
_MIN_FACE_PX = 20
#: pixels of the input of each stage's network
_INPUT_SIZES = {1: (None, None), 2: (24, 24), 3: (48, 48)}


class MtcnnDetector(Detector):
    """MTCNN, all images of a clip at once."""

    name = "mtcnn"

    def __init__(self) -> None:
        import_tensorflow_quietly()
        import tensorflow as tf
        from mtcnn import MTCNN

        self._model = MTCNN()
        for stage in self._model.stages:
            # one graph for every size of picture: twice as fast as layer by layer, traced only once
            shape = tf.TensorSpec([None, *_INPUT_SIZES[stage.id], 3], tf.float32)
            stage._model = tf.function(stage.model, input_signature=[shape])

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return the faces of each image, if at least a tenth of its shorter side."""
        import cv2
        import numpy as np

        if not images:
            return []
        scales = [_SHORT_SIDE_PX / min(image.shape[:2]) for image in images]
        rgb_images = [
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[..., ::-1]
            for image, scale in zip(images, scales, strict=True)
        ]
        rows = self._model.detect_faces(
            rgb_images, min_face_size=_MIN_FACE_PX, output_type="numpy", box_format="xyxy"
        )
        faces: list[list[Face]] = [[] for _ in images]
        for row in rows:  # image, box, score, the five x, the five y
            scale = scales[int(row[0])]
            box = (row[1:5] / scale).astype(np.float32)
            landmarks = (row[6:16].reshape(2, 5).T / scale).astype(np.float32)
            faces[int(row[0])].append(Face(box, landmarks, float(row[5])))
        return faces
