"""Faces of a clip: one person's, followed from frame to frame, turned upright, cut to one size."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MediaError
from . import detectors
from .alignment import TEMPLATE, align, beyond, sharpness
from .head_pose import pose
from .settings import Settings
from .tracking import follow

if TYPE_CHECKING:
    import numpy as np

    from ..media.frames import Frame
    from .detectors import Detector, Face

__all__ = [
    "ARRAYS",
    "MODALITY",
    "TEMPLATE",
    "VERSION",
    "Extraction",
    "Settings",
    "align",
    "extract",
    "images",
]

VERSION = 3
MODALITY = "visual"
ARRAYS = {
    "boxes": "float32",
    "bridged": "uint8",
    "faces": "uint8",
    "found": "float32",
    "others": "uint8",
    "points": "float32",
    "pose": "float32",
    "scores": "float32",
    "sharpness": "float32",
    "sizes": "int32",
    "times": "float32",
}

_BATCH = 8  # frames that a detector is given at a time
_AROUND_S = 0.25  # of the voiced part: a face speaks before it is heard, and after
_NEARLY_ALL = 0.9  # of the frames


def extract(source: Path | bytes, settings: Settings, detector: Detector) -> dict[str, np.ndarray]:
    """The face of the followed person in each sampled frame of a clip; see `_follow.follow`.

    Single frames that are dark, blurred or turned away are kept: `scores`, `sharpness` and `pose`
    tell how far each can be trusted.

    Args:
        source: a video file, or the bytes of one
        settings: how
        detector: as `detectors.load` gives it; `settings.detector` is for who loads it

    Returns:
        one row a frame with the face, n of them:
        `faces`: the aligned crops as JPEG files, one after the other, uint8 `[shape=(bytes,)]`;
        `sizes`: the bytes of each, int32 `[shape=(n,)]`; see `images`
        `times`: in seconds, float32 `[shape=(n,)]`
        `boxes`, `points`: in pixels of the frame as `read_frames` gives it, float32
        `[shape=(n, 4)]` and `[shape=(n, 5, 2)]`
        `scores`: the detector's, float32 `[shape=(n,)]`
        `sharpness`: see `_align.sharpness`, float32 `[shape=(n,)]`
        `pose`: yaw, pitch and roll in degrees, see `_pose.pose`, float32 `[shape=(n, 3)]`
        `others`: how many other faces the frame has, uint8 `[shape=(n,)]`
        `bridged`: 1 where the detector missed the face, and its box and points are put between
        its neighbours', uint8 `[shape=(n,)]`
        `found`: the share of the sampled frames that it was detected in, float32 `[shape=()]`

    Raises:
        MediaError: `unreadable`, `no-picture`; `no-face` in any sampled frame; and of the clip as
            a whole `too-dark`, `face-too-small`, `cut-off`, `turned-away`
    """
    import numpy as np

    frames, found = _looked_at(source, settings, detector)
    sure = [[face for face in faces if face.score >= settings.min_score] for faces in found]
    seen = follow([frame.time_s for frame in frames], sure, settings.bridge)
    if not seen:
        raise _nobody(frames, found, settings)
    shown = [frames[one.frame].image for one in seen]
    points = np.stack([one.face.points for one in seen]).astype(np.float32)
    crops = [
        align(image, five, size=settings.size, margin=settings.margin)
        for image, five in zip(shown, points, strict=True)
    ]
    rows = {
        "times": np.array([frames[one.frame].time_s for one in seen], np.float32),
        "boxes": np.stack([one.face.box for one in seen]).astype(np.float32),
        "points": points,
        "scores": np.array([one.face.score for one in seen], np.float32),
        "sharpness": np.array([sharpness(crop) for crop in crops], np.float32),
        "pose": np.stack([pose(five) for five in points]),
        "others": np.array([min(255, one.others) for one in seen], np.uint8),
        "bridged": np.array([one.bridged for one in seen], np.uint8),
    }
    outside = [beyond(five, *image.shape[1::-1]) for image, five in zip(shown, points, strict=True)]
    _check(rows, crops, outside, settings)
    files = [_jpeg(crop, settings.quality) for crop in crops]
    detected = sum(not one.bridged for one in seen)
    return rows | {
        "faces": np.concatenate(files),
        "sizes": np.array([len(file) for file in files], np.int32),
        "found": np.array(detected / len(frames), np.float32),
    }


def images(found: Mapping[str, np.ndarray], side: int) -> np.ndarray:
    """The aligned faces as pictures.

    Args:
        found: `faces` and `sizes`, as `extract` gives them
        side: pixels of each picture's side

    Returns:
        RGB, uint8 `[shape=(n, side, side, 3)]`
    """
    import cv2
    import numpy as np

    ends = np.cumsum(found["sizes"])
    pictures = np.empty((len(ends), side, side, 3), np.uint8)
    for picture, file in zip(pictures, np.split(found["faces"], ends[:-1]), strict=True):
        crop: Any = cv2.imdecode(file, cv2.IMREAD_COLOR_RGB)
        if len(crop) != side:
            crop = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        picture[:] = crop
    return pictures


class Extraction:
    """What `store.update` asks for faces, in this process or in another.

    Args:
        settings: how
        name: the detector, as `detectors.resolve` gives it
        weights: the content of its file, if it has one
    """

    def __init__(self, settings: Settings, name: str, weights: bytes | None) -> None:
        self._settings = settings
        self._detector = (name, weights, settings.detector_side)

    def __call__(self, file: Path, names: Collection[str]) -> dict[str, dict[str, np.ndarray]]:
        """The faces of a file."""
        return {"faces": extract(file, self._settings, _loaded(*self._detector))}


@lru_cache(maxsize=1)
def _loaded(name: str, weights: bytes | None, side: int) -> Detector:
    """The detector, once a process."""
    return detectors.load(name, weights, side)


def _looked_at(
    source: Path | bytes, settings: Settings, detector: Detector
) -> tuple[list[Frame], list[list[Face]]]:
    """The sampled frames, and the faces in each."""
    from ..media.frames import read_frames
    from ..media.sound import find_voiced_span

    span = find_voiced_span(source, settings.voiced_db) if settings.spread == "voiced" else None
    if span:
        span = (span[0] - _AROUND_S, span[1] + _AROUND_S)
    stream = read_frames(source, 1 if settings.spread == "middle" else settings.frames, span)
    frames: list[Frame] = []
    found: list[list[Face]] = []
    while some := list(islice(stream, _BATCH)):
        frames += some
        found += detector.detect([frame.image for frame in some])
    return frames, found


def _nobody(frames: list[Frame], found: list[list[Face]], settings: Settings) -> MediaError:
    """Why there is no face: too little light to see one by, or none."""
    light = max(float(frame.image.mean()) for frame in frames)
    if light < settings.min_brightness:
        return _too_dark("frames are", light, settings)
    best = max([face.score for faces in found for face in faces], default=0.0)
    near = f"; the best candidate scores {best:.2f}" if best else ""
    return MediaError(
        "no-face",
        f"no face in any of the {len(frames)} sampled frames that scores at least "
        f"{settings.min_score:g} (faces.min_score){near}",
    )


def _too_dark(what: str, light: float, settings: Settings) -> MediaError:
    return MediaError(
        "too-dark",
        f"the {what} too dark: a brightness of {light:.0f} of 255, at least "
        f"{settings.min_brightness:g} is expected (faces.min_brightness): light the scene",
    )


def _check(
    rows: Mapping[str, np.ndarray],
    crops: list[np.ndarray],
    outside: list[float],
    settings: Settings,
) -> None:
    """Refuse a clip whose face tells nothing in most frames.

    Args:
        rows: of `extract`
        crops: the aligned faces
        outside: the share of each face that lies beyond its frame
        settings: the limits

    Raises:
        MediaError: `too-dark`, `face-too-small`, `cut-off`, `turned-away`
    """
    import numpy as np

    light = float(np.median([crop.mean() for crop in crops]))
    if light < settings.min_brightness:
        raise _too_dark("face is", light, settings)
    sides = np.sqrt(np.prod(rows["boxes"][:, 2:] - rows["boxes"][:, :2], axis=1))
    if (side := float(np.median(sides))) < settings.min_face_px:
        raise MediaError(
            "face-too-small",
            f"the face is {side:.0f} pixels large, at least {settings.min_face_px:g} are expected "
            "(faces.min_face_px): go nearer, or record larger",
        )
    if (cut := float(np.median(outside))) > settings.max_cut_ratio:
        raise MediaError(
            "cut-off",
            f"{cut:.0%} of the face is beyond the picture, at most {settings.max_cut_ratio:.0%} is "
            "accepted (faces.max_cut_ratio): bring the whole face into the picture",
        )
    turned = np.abs(rows["pose"][:, 0])
    if (turned > settings.max_yaw).mean() >= _NEARLY_ALL:
        raise MediaError(
            "turned-away",
            f"the face is turned away by {np.median(turned):.0f} degrees, at most "
            f"{settings.max_yaw:g} are accepted (faces.max_yaw): look towards the camera",
        )


def _jpeg(crop: np.ndarray, quality: int) -> np.ndarray:
    """A crop as a JPEG file, its colours as fine as its light."""
    import cv2

    options: list[Any] = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, file = cv2.imencode(".jpg", crop[..., ::-1], options)
    return file
