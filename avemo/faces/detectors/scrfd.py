"""SCRFD (InsightFace): accurate and fast; its weights are for non-commercial research only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import Face

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Scrfd", "load"]

SIDE = 640  # pixels of the longer side that the network was trained at
STEP = 32  # the network halves its input five times
LEAST_SCORE = 0.3  # whoever asks for faces sets the real threshold
SURE = 0.5  # a picture without a face of this score is looked at again, larger


class Scrfd:
    """SCRFD, one image at a time, on one thread: the engine fills the cores.

    Args:
        name: of the network
        model: an `insightface.model_zoo.scrfd.SCRFD` that takes pictures of any size
        side: pixels of the longer side that it looks at first
    """

    def __init__(self, name: str, model: Any, side: int) -> None:
        self.name = name
        self._model = model
        self._sides = sorted({min(side, SIDE), SIDE})

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """The faces of each image; see `Detector`."""
        return [self._one(image) for image in images]

    def _one(self, image: np.ndarray) -> list[Face]:
        faces: list[Face] = []
        for side in self._sides:
            scale = side / max(image.shape[:2])
            height, width = (-(-round(scale * pixels) // STEP) * STEP for pixels in image.shape[:2])
            boxes, points = self._model.detect(image, input_size=(width, height))
            faces = [
                Face(box[:4], five, float(box[4])) for box, five in zip(boxes, points, strict=True)
            ]
            if any(face.score >= SURE for face in faces):
                break
        return faces


def load(name: str, weights: bytes, side: int) -> Scrfd:
    """The detector, from the content of an ONNX file that `assets` has checked."""
    import onnxruntime
    from insightface.model_zoo.scrfd import SCRFD

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        _of_any_size(weights), options, providers=["CPUExecutionProvider"]
    )
    model = SCRFD(session=session)
    model.prepare(0, det_thresh=LEAST_SCORE)
    return Scrfd(name, model, side)


def _of_any_size(weights: bytes) -> bytes:
    """The network without the picture's size, which some exports state and none needs."""
    import onnx

    model = onnx.load_model_from_string(weights)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    sizes[2].dim_param, sizes[3].dim_param = "height", "width"
    for out in model.graph.output:
        for axis in out.type.tensor_type.shape.dim[:2]:
            axis.dim_param = f"{out.name}_{axis.dim_value}"
    del model.graph.value_info[:]
    content: bytes = model.SerializeToString()
    return content
