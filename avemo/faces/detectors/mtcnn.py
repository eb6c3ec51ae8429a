"""MTCNN (package mtcnn): needs nothing but what its wheel carries, code and weights both MIT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...quiet import import_tensorflow_quietly
from . import Face

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Mtcnn", "load"]

# The frame is scaled so that the smallest face worth finding, a tenth of the frame, has the
# 20 pixels that the networks start at: the package finds nothing if told to start higher.
SHORT_SIDE = 200
SMALLEST_FACE = 20
INPUTS = {1: (None, None), 2: (24, 24), 3: (48, 48)}  # pixels of each stage's network


class Mtcnn:
    """MTCNN, all images of a clip at once."""

    name = "mtcnn"

    def __init__(self, model: Any) -> None:
        self._model = model

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """The faces of each image, at least a tenth of its shorter side; see `Detector`."""
        import cv2
        import numpy as np

        if not images:
            return []
        scales = [SHORT_SIDE / min(image.shape[:2]) for image in images]
        small = [
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[..., ::-1]
            for image, scale in zip(images, scales, strict=True)
        ]
        rows = self._model.detect_faces(
            small,
            min_face_size=SMALLEST_FACE,
            output_type="numpy",
            box_format="xyxy",
        )
        faces: list[list[Face]] = [[] for _ in images]
        for row in rows:  # image, box, score, the five x, the five y
            scale = scales[int(row[0])]
            box = (row[1:5] / scale).astype(np.float32)
            points = (row[6:16].reshape(2, 5).T / scale).astype(np.float32)
            faces[int(row[0])].append(Face(box, points, float(row[5])))
        return faces


def load(name: str, weights: bytes | None, side: int) -> Mtcnn:
    """The detector; no argument changes anything."""
    import_tensorflow_quietly()
    import tensorflow as tf
    from mtcnn import MTCNN

    model = MTCNN()
    for stage in model.stages:
        # one graph for every size of picture: twice as fast as layer by layer, never traced anew
        shape = tf.TensorSpec([None, *INPUTS[stage.id], 3], tf.float32)
        stage._model = tf.function(stage.model, input_signature=[shape])
    return Mtcnn(model)
