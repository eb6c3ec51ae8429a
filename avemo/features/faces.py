"""Faces of a clip: detected in evenly spread frames, turned upright, cut to one size."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..errors import MediaError
from ..settings import Strict
from . import detectors

if TYPE_CHECKING:
    import numpy as np

    from .detectors import Detector, Face

__all__ = ["ARRAYS", "MODALITY", "VERSION", "Extraction", "Settings", "align", "extract"]

VERSION = 2
MODALITY = "visual"
ARRAYS = {
    "boxes": "float32",
    "faces": "uint8",
    "found": "float32",
    "points": "float32",
    "scores": "float32",
    "times": "float32",
}

_BATCH = 8  # frames in memory at a time

# Where ArcFace, and what was trained after it, expects the five points in a crop of 112 pixels.
TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
TEMPLATE_SIDE = 112


class Settings(Strict):
    """How faces are found and cut."""

    detector: Literal["auto", "scrfd", "mtcnn"]
    detector_side: Annotated[int, Field(ge=128, le=640)]
    frames: Annotated[int, Field(ge=1, le=1000)]
    size: Annotated[int, Field(ge=32, le=224)]
    margin: Annotated[float, Field(ge=0, le=0.5)]
    min_score: Annotated[float, Field(ge=0, le=1)]


def extract(source: Path | bytes, settings: Settings, detector: Detector) -> dict[str, np.ndarray]:
    """The largest face of each sampled frame of a clip.

    Args:
        source: a video file, or the bytes of one
        settings: how
        detector: as `detectors.load` gives it; `settings.detector` is for who loads it

    Returns:
        one row a frame with a face, 1 to `settings.frames` of them: `faces` RGB, uint8
        `[shape=(n, size, size, 3)]`, `times` in seconds `[shape=(n,)]`, `boxes`
        `[shape=(n, 4)]` and `points` `[shape=(n, 5, 2)]` in pixels of the frame as `read_frames`
        gives it, `scores` `[shape=(n,)]`, all float32; and `found`, the share of the sampled
        frames that have a face, float32 `[shape=()]`

    Raises:
        MediaError: `unreadable`, `no-picture`, or `no-face` in any sampled frame
    """
    import numpy as np

    from ..media.picture import read_frames

    crops, times, faces = [], [], []
    looked, best = 0, 0.0
    frames = read_frames(source, settings.frames)
    while some := list(islice(frames, _BATCH)):
        looked += len(some)
        for frame, found in zip(some, detector.detect([one.image for one in some]), strict=True):
            best = max([best, *(face.score for face in found)])
            face = _largest(found, settings.min_score)
            if face:
                cut = align(frame.image, face.points, size=settings.size, margin=settings.margin)
                crops.append(cut)
                times.append(frame.time)
                faces.append(face)
    if not faces:
        near = f"; the best candidate scores {best:.2f}" if best else ""
        raise MediaError(
            "no-face",
            f"no face in any of the {looked} sampled frames that scores at least "
            f"{settings.min_score:g} (faces.min_score){near}",
        )
    return {
        "faces": np.stack(crops),
        "times": np.array(times, np.float32),
        "boxes": np.stack([face.box for face in faces]).astype(np.float32),
        "points": np.stack([face.points for face in faces]).astype(np.float32),
        "scores": np.array([face.score for face in faces], np.float32),
        "found": np.array(len(faces) / looked, np.float32),
    }


class Extraction:
    """What `store.update` asks for faces, in this process or in another.

    Args:
        settings: how
        name: the detector, as `detectors.resolve` gives it
        weights: the content of its file, if it has one
    """

    def __init__(self, settings: Settings, name: str, weights: bytes | None) -> None:
        self._settings = settings
        self._load = partial(detectors.load, name, weights, settings.detector_side)

    @cached_property
    def _detector(self) -> Detector:
        return self._load()

    def __call__(self, file: Path, names: Collection[str]) -> dict[str, dict[str, np.ndarray]]:
        """The faces of a file."""
        return {"faces": extract(file, self._settings, self._detector)}


def align(image: np.ndarray, points: np.ndarray, *, size: int, margin: float) -> np.ndarray:
    """The face in one place and at one size: eyes level, its five points on ArcFace's template.

    Args:
        image: BGR, uint8, `[shape=(height, width, 3)]`
        points: the five points, in pixels `[shape=(5, 2)]`
        size: pixels of the crop's side
        margin: room on each side, as a share of the crop's side without it

    Returns:
        RGB, uint8, `[shape=(size, size, 3)]`; beyond the image its edge goes on
    """
    import cv2
    import numpy as np

    scale = size / (TEMPLATE_SIDE * (1 + 2 * margin))
    goal = (np.array(TEMPLATE) + margin * TEMPLATE_SIDE) * scale
    move = _similarity(np.asarray(points, np.float64), goal)
    times = round(1 / float(np.hypot(move[0, 0], move[1, 0])))
    if times > 1:
        image, move = _shrunk(image, move, size, min(times, *image.shape[:2]))
    crop = cv2.warpAffine(image, move, (size, size), borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(crop[..., ::-1])


def _shrunk(
    image: np.ndarray, move: np.ndarray, size: int, times: int
) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image that a crop shows, so many times smaller, and the move from there.

    By area: shrinking while turning would skip pixels, and noise would stand for texture.
    """
    import cv2
    import numpy as np

    ends = np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]])
    corners = cv2.invertAffineTransform(move) @ ends
    most = np.array(image.shape[1::-1]) // times * times
    first = np.clip(np.floor(corners.min(axis=1)).astype(int) - times, 0, most - times)
    last = np.clip(np.ceil(corners.max(axis=1)).astype(int) + times, first + times, most)
    count = (last - first) // times
    (left, top), (right, bottom) = first, first + count * times
    small = cv2.resize(image[top:bottom, left:right], count.tolist(), interpolation=cv2.INTER_AREA)
    centre = first + (times - 1) / 2  # of the first small pixel
    return small, np.column_stack([move[:, :2] * times, move[:, 2] + move[:, :2] @ centre])


def _similarity(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The turn, scale and shift that bring the points nearest to the goal `[shape=(2, 3)]`."""
    import numpy as np

    # least squares in a, b, x, y of  u = a·px - b·py + x,  v = b·px + a·py + y
    ones, zeros = np.ones(len(points)), np.zeros(len(points))
    px, py = points.T
    rows = np.vstack(
        [np.column_stack([px, -py, ones, zeros]), np.column_stack([py, px, zeros, ones])]
    )
    a, b, x, y = np.linalg.lstsq(rows, goal.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, x], [b, a, y]])


def _largest(faces: list[Face], min_score: float) -> Face | None:
    """The face of the largest box among those sure enough."""
    sure = [face for face in faces if face.score >= min_score]
    return max(sure, key=lambda face: _area(face.box), default=None)


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
