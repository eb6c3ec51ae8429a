"""SCRFD (InsightFace): accurate and fast; its weights are for non-commercial research only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from .detector import Detector, Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ScrfdDetector", "ScrfdNetwork", "load_network"]

_TRAINED_SIDE_PX = 640  # the longer side that the network was trained at
_STRIDE = 32  # the network halves its input five times
_MIN_SCORE = 0.3  # low, because the caller applies the actual threshold
_CONFIDENT_SCORE = 0.5  # a picture without such a face is looked at again, larger


class ScrfdNetwork(Protocol):
    """An `insightface.model_zoo.scrfd.SCRFD` that accepts pictures of any size."""

    def detect(
        self, image: NDArray[np.uint8], input_size: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return boxes with scores [shape=(n, 5)] and landmarks [shape=(n, 5, 2)]."""


class ScrfdDetector(Detector):
    """SCRFD, one image at a time, on one thread: the engine fills the cores.

    Args:
        name: of the network
        network: as `load_network` returns it
        side_px: the longer side at which it looks at a picture first
    """

    def __init__(self, name: str, network: ScrfdNetwork, side_px: int) -> None:
        self.name = name
        self._network = network
        self._sides_px = sorted({min(side_px, _TRAINED_SIDE_PX), _TRAINED_SIDE_PX})

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return the faces of each image."""
        return [self._detect_in_image(image) for image in images]

    def _detect_in_image(self, image: NDArray[np.uint8]) -> list[Face]:
        faces: list[Face] = []
        for side_px in self._sides_px:
            scale = side_px / max(image.shape[:2])
            height, width = (
                -(-round(scale * pixels) // _STRIDE) * _STRIDE for pixels in image.shape[:2]
            )
            boxes, landmarks = self._network.detect(image, input_size=(width, height))
            faces = [
                Face(box[:4], points, float(box[4]))
                for box, points in zip(boxes, landmarks, strict=True)
            ]
            if any(face.score >= _CONFIDENT_SCORE for face in faces):
                break
        return faces


def load_network(weights: bytes) -> ScrfdNetwork:
    """Return the network of an ONNX file that `assets` has checked."""
    import onnxruntime
    from insightface.model_zoo.scrfd import SCRFD

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        _free_input_size(weights), options, providers=["CPUExecutionProvider"]
    )
    model = SCRFD(session=session)
    model.prepare(0, det_thresh=_MIN_SCORE)
    network: ScrfdNetwork = model
    return network


def _free_input_size(weights: bytes) -> bytes:
    """Return the ONNX file without a fixed picture size, which some exports state."""
    import onnx

    model = onnx.load_model_from_string(weights)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    sizes[2].dim_param, sizes[3].dim_param = "height", "width"
    for output in model.graph.output:
        for axis in output.type.tensor_type.shape.dim[:2]:
            axis.dim_param = f"{output.name}_{axis.dim_value}"
    del model.graph.value_info[:]
    content: bytes = model.SerializeToString()
    return content
