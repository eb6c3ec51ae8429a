"""SCRFD (InsightFace): accurate and fast; its weights are for non-commercial research only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import Face

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Scrfd", "load"]

INPUT = (640, 640)
LEAST_SCORE = 0.3  # whoever asks for faces sets the real threshold


class Scrfd:
    """SCRFD, one image at a time, on one thread: the engine fills the cores."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self._model = model

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """The faces of each image; see `Detector`."""
        return [self._one(image) for image in images]

    def _one(self, image: np.ndarray) -> list[Face]:
        boxes, points = self._model.detect(image)
        return [Face(box[:4], five, float(box[4])) for box, five in zip(boxes, points, strict=True)]


def load(name: str, weights: Path | None) -> Scrfd:
    """The detector, from an ONNX file that `assets` has checked."""
    import onnxruntime
    from insightface import model_zoo

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    model = model_zoo.get_model(
        str(weights), providers=["CPUExecutionProvider"], sess_options=options
    )
    model.prepare(0, input_size=INPUT, det_thresh=LEAST_SCORE)
    return Scrfd(name, model)
