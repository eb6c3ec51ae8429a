"""SCRFD (InsightFace): accurate and fast; its weights are for non-commercial research only.

Source:
    J. Guo et al.: Sample and computation redistribution for efficient face detection. ICLR, 2022
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...runtime.graph import Graph
from .boxes import suppress_overlapping
from .detector import Face
from .pictures import normalise, scale_image
from .two_scales import MIN_SCORE, TwoScaleDetector

__all__ = ["ScrfdDetector"]

_STRIDES = (8, 16, 32)  # pixels between the anchors of each of the network's three grids
_ANCHORS = 2  # at each place
_MAX_OVERLAP = 0.4  # of two boxes, as a share of their union


class ScrfdDetector(TwoScaleDetector):
    """SCRFD with landmarks, one image at a time.

    Args:
        name: of the network
        graph: takes pictures of any size, as `weights.fetch` returns its file
        side_px: the longer side at which it looks at a picture first
    """

    def __init__(self, name: str, graph: Graph, side_px: int) -> None:
        super().__init__(side_px)
        self.name = name
        self._graph = graph

    def _detect_at(self, image: NDArray[np.uint8], scale: float) -> list[Face]:
        height, width = (max(1, round(scale * side)) for side in image.shape[:2])
        padded_height, padded_width = (-(-side // 32) * 32 for side in (height, width))
        padded = np.zeros((padded_height, padded_width, 3), np.uint8)
        padded[:height, :width] = scale_image(image, (width, height))
        outputs = self._graph.run({"images": normalise(padded).transpose(2, 0, 1)[None]})
        scores, points = _decode(outputs, padded_width)
        best = np.argsort(-scores, kind="stable")[: np.count_nonzero(scores >= MIN_SCORE)]
        selected = best[suppress_overlapping(points[best, :2].reshape(-1, 4), _MAX_OVERLAP)]
        return [
            Face(face[:2].ravel(), face[2:], score)
            for face, score in zip(
                points[selected] / np.float32(scale), scores[selected].tolist(), strict=True
            )
        ]


def _decode(
    outputs: list[NDArray[np.float32]], width: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the score of each anchor, and the points that its face is given by.

    Args:
        outputs: of each grid the scores; of each the distances from the anchor to the left, top,
            right and bottom; of each those to the landmarks, x and y; distances in strides
        width: of the picture, in pixels

    Returns:
        scores [shape=(n,)], and points in pixels: the box's first and last corner and the five
        landmarks [shape=(n, 7, 2)]
    """
    grids = len(_STRIDES)
    points = []
    for index, stride in enumerate(_STRIDES):
        edges, landmarks = outputs[grids + index], outputs[2 * grids + index]
        offsets = np.concatenate([edges.reshape(-1, 4), landmarks.reshape(-1, 10)], axis=1)
        offsets[:, :2] *= -1
        places = np.arange(len(offsets)) // _ANCHORS
        anchors = np.stack([places % (width // stride), places // (width // stride)], axis=1)
        points.append((anchors[:, None] + offsets.reshape(-1, 7, 2)) * np.float32(stride))
    scores = np.concatenate([output.ravel() for output in outputs[:grids]])
    return scores, np.concatenate(points).astype(np.float32)
