"""MTCNN: three networks, each of which looks more closely at what the one before proposes.

The thresholds, and the order in which boxes are dropped and corrected, are those of the package
mtcnn, whose weights these are.

Source:
    K. Zhang et al.: Joint face detection and alignment using multitask cascaded convolutional
    networks. IEEE Signal Processing Letters, 2016
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...runtime.graph import Graph
from .boxes import measure_overlaps
from .detector import Detector, Face
from .pictures import normalise, scale_image, to_original

__all__ = ["MtcnnDetector", "look_closely"]

# The frame is scaled so that the smallest face worth finding, a tenth of the frame, has the
# 20 pixels that the networks start at: the package finds nothing if it starts higher.
_SHORT_SIDE_PX = 200
_MIN_FACE_PX = 20
_SCALE_STEP = 0.709  # of the pyramid
_PNET_SIDE_PX, _PNET_STRIDE_PX, _RNET_SIDE_PX, _ONET_SIDE_PX = 12, 2, 24, 48
_MIN_PNET_SCORE, _MIN_RNET_SCORE, _MIN_ONET_SCORE = 0.6, 0.7, 0.8
_MAX_OVERLAP_AT_SCALE, _MAX_OVERLAP = 0.5, 0.7

Floats = NDArray[np.floating]


class MtcnnDetector(Detector):
    """MTCNN, all images of a clip at once.

    Args:
        graphs: by name, as `mtcnn_networks.build_graphs` returns their files
    """

    name = "mtcnn"

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        self._pnet, self._rnet, self._onet = graphs["pnet"], graphs["rnet"], graphs["onet"]

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return the faces of each image, if at least a tenth of its shorter side."""
        faces: list[list[Face]] = [[] for _ in images]
        for shape in {image.shape for image in images}:
            indices = [index for index, image in enumerate(images) if image.shape == shape]
            scale = _SHORT_SIDE_PX / min(shape[:2])
            size = (int(shape[1] * scale), int(shape[0] * scale))
            batch = np.stack([normalise(scale_image(images[index], size)) for index in indices])
            for owner, box, landmarks, score in zip(*self._detect(batch), strict=True):
                corners = to_original(box.reshape(2, 2), scale)
                limits = np.array(shape[1::-1], np.float32)
                box = corners.clip(0, limits).ravel()
                face = Face(box, to_original(landmarks, scale), float(score))
                faces[indices[owner]].append(face)
        return faces

    def _detect(
        self, images: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
        """Return of each face the index of its image, box, landmarks and score.

        Args:
            images: RGB, -1 to 1 [shape=(n, height, width, 3)]
        """
        owners, boxes = self._propose(images)
        boxes = _to_squares(boxes)
        patches = _cut_patches(images, owners, boxes, _RNET_SIDE_PX)
        offsets, probabilities = self._rnet.run({"images": patches})
        boxes = _correct(boxes, offsets)
        scores: Floats = probabilities[:, 1]
        selected = _select(owners, boxes, scores, _MIN_RNET_SCORE, _MAX_OVERLAP)
        owners, boxes = owners[selected], _to_squares(boxes[selected])
        boxes, landmarks, scores = look_closely(self._onet, images, owners, boxes)
        selected = _select(owners, boxes, scores, _MIN_ONET_SCORE, _MAX_OVERLAP, "smaller")
        return owners[selected], boxes[selected], landmarks[selected], scores[selected]

    def _propose(self, images: NDArray[np.float32]) -> tuple[NDArray[np.intp], Floats]:
        """Return the boxes that P-Net proposes at any scale, each with the index of its image."""
        import cv2

        proposals = []
        for scale in _pyramid(images.shape[1:3]):
            size = (int(images.shape[2] * scale), int(images.shape[1] * scale))
            small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
            offsets, probabilities = self._pnet.run({"images": np.stack(small)})
            owners, rows, columns = np.nonzero(probabilities[:, 1] > _MIN_PNET_SCORE)
            corners = np.stack([columns, rows], axis=1) * _PNET_STRIDE_PX + 1
            side = _PNET_SIDE_PX - 1
            cells = np.concatenate([corners, corners + side], axis=1)
            boxes = (cells + side * offsets[owners, :, rows, columns]) / scale
            scores = probabilities[owners, 1, rows, columns]
            selected = _select(owners, boxes, scores, 0, _MAX_OVERLAP_AT_SCALE)
            proposals.append((owners[selected], boxes[selected], scores[selected]))
        owners, boxes, scores = map(np.concatenate, zip(*proposals, strict=True))
        selected = _select(owners, boxes, scores, 0, _MAX_OVERLAP)
        return owners[selected], boxes[selected]


def look_closely(
    onet: Graph, images: NDArray[np.float32], owners: NDArray[np.intp], boxes: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return what O-Net sees in some boxes.

    Args:
        onet: the network
        images: RGB, -1 to 1 [shape=(m, height, width, 3)]
        owners: the index of each box's image [shape=(n,)]
        boxes: left, top, right, bottom; squares [shape=(n, 4)]

    Returns:
        corrected boxes [shape=(n, 4)], landmarks [shape=(n, 5, 2)], and scores [shape=(n,)]
    """
    patches = _cut_patches(images, owners, boxes, _ONET_SIDE_PX)
    offsets, points, probabilities = onet.run({"images": patches})
    shares = points.reshape(-1, 2, 5).transpose(0, 2, 1)
    landmarks = boxes[:, None, :2] + shares * _sides(boxes)[:, None] - 1
    return _correct(boxes, offsets), landmarks, probabilities[:, 1]


def _pyramid(size: tuple[int, ...]) -> Iterator[float]:
    """Yield the scales to look at, from that where the smallest face fills P-Net's input."""
    scale = _PNET_SIDE_PX / _MIN_FACE_PX
    for _ in range(round(np.log(_PNET_SIDE_PX / min(size)) / np.log(_SCALE_STEP) - 1)):
        yield scale
        scale *= _SCALE_STEP


def _sides(boxes: Floats) -> Floats:
    """Return width and height, both edges counted, as when the networks were trained."""
    return boxes[:, 2:] - boxes[:, :2] + 1


def _correct(boxes: Floats, offsets: Floats) -> Floats:
    """Return boxes moved by offsets, which are shares of their sides."""
    return boxes + offsets * np.tile(_sides(boxes), 2)


def _to_squares(boxes: Floats) -> Floats:
    """Return the squares around boxes, with the same centres."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def _cut_patches(
    images: NDArray[np.float32], owners: NDArray[np.intp], boxes: Floats, side_px: int
) -> NDArray[np.float32]:
    """Return what is in some boxes, all at one size, interpolated linearly.

    A box's corners are at the centres of the patch's outermost pixels; beyond the image is grey.

    Returns:
        [shape=(n, side_px, side_px, 3)]
    """
    import cv2

    height, width = images.shape[1:3]
    corners = boxes * np.tile([(width - 1) / width, (height - 1) / height], 2)
    steps = (corners[:, 2:] - corners[:, :2]) / (side_px - 1)
    patches = np.empty((len(boxes), side_px, side_px, 3), np.float32)
    for patch, owner, (left, top), (dx, dy) in zip(
        patches, owners, corners[:, :2], steps, strict=True
    ):
        cv2.warpAffine(
            images[owner],
            np.array([[dx, 0, left], [0, dy, top]]),
            (side_px, side_px),
            dst=patch,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
    return patches


def _select(
    owners: NDArray[np.intp],
    boxes: Floats,
    scores: Floats,
    min_score: float,
    max_overlap: float,
    relative_to: Literal["union", "smaller"] = "union",
) -> NDArray[np.intp]:
    """Return which boxes score enough and overlap no better one of the same image too much.

    Unlike in other detectors, a better one counts even if it overlaps a still better one.
    """
    order = np.argsort(scores, kind="stable")[::-1]  # of equal ones the last, as in the package
    order = order[scores[order] > min_score]
    selected = []
    for owner in np.unique(owners[order]):
        own = order[owners[order] == owner]
        overlaps = np.triu(measure_overlaps(boxes[own], relative_to) > max_overlap, k=1)
        selected.append(own[~overlaps.any(axis=0)])
    return np.concatenate([np.empty(0, np.intp), *selected])
