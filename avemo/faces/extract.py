"""Faces of a clip: one person's, followed from frame to frame, turned upright, cut to one size."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MediaError
from ..media.clip import Clip, Media
from . import detectors
from .alignment import TEMPLATE, align
from .cut_face import check_quality, cut_face, no_face_error, stack_faces
from .settings import Settings
from .tracking import TrackedFace, track_main_face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..media.frames import Frame
    from .detectors import Detector, Face

__all__ = [
    "ARRAYS",
    "TEMPLATE",
    "VERSION",
    "Extraction",
    "Settings",
    "TrackedClip",
    "align",
    "cut_faces",
    "decode_crops",
    "extract",
    "track_faces",
]

VERSION = 5
ARRAYS = {
    "boxes": "float32",
    "detection_rate": "float32",
    "faces": "uint8",
    "interpolated": "uint8",
    "landmarks": "float32",
    "n_other_faces": "uint8",
    "pose": "float32",
    "scores": "float32",
    "sharpness": "float32",
    "sizes": "int32",
    "times": "float32",
}

_VOICED_MARGIN_S = 0.25  # around the voiced part: a face speaks before it is heard, and after


def extract(media: Media, settings: Settings, detector: Detector) -> dict[str, NDArray[Any]]:
    """Return the main person's face in each sampled frame; see `tracking.track_main_face`.

    Single frames that are dark, blurred or turned away stay in: `scores`, `sharpness` and `pose`
    tell how far each can be trusted.

    Args:
        media: a video file, or its content
        settings: how; `settings.detector` is for who loads the detector
        detector: as `detectors.load` returns it

    Returns:
        by name, as in `ARRAYS`, one row for each of the n frames with the face:
        `faces`: the aligned crops as JPEG files, one after the other [shape=(bytes,)]
        `sizes`: the bytes of each [shape=(n,)]; see `decode_crops`
        `times`: in seconds [shape=(n,)]
        `boxes`, `landmarks`: in pixels of the frame as `Clip.frames` gives it [shape=(n, 4)] and
        [shape=(n, 5, 2)]
        `scores`: the detector's [shape=(n,)]
        `sharpness`: see `alignment.measure_sharpness` [shape=(n,)]
        `pose`: yaw, pitch and roll in degrees, see `head_pose` [shape=(n, 3)]
        `n_other_faces`: how many other faces the frame has [shape=(n,)]
        `interpolated`: 1 if the detector missed the face, so that its box and landmarks are put
        between its neighbours' [shape=(n,)]
        `detection_rate`: the share of the sampled frames in which it was detected [shape=()]

    Raises:
        MediaError: `unreadable`, `no-picture`; `no-face` in any sampled frame; and of the clip as
            a whole `too-dark`, `face-too-small`, `cut-off`, `turned-away`
    """
    return cut_faces(track_faces(media, settings, detector), settings)


@dataclass(frozen=True, eq=False)
class TrackedClip:
    """The sampled frames of a clip, and the main person in them.

    Args:
        frames: as they were sampled
        detections: the faces in each
        track: the main person's; empty where there is no face
    """

    frames: list[Frame]
    detections: list[list[Face]]
    track: list[TrackedFace]

    @property
    def frames_with_face(self) -> int:
        """In how many frames the main person's face was detected."""
        return sum(not tracked.interpolated for tracked in self.track)


def track_faces(media: Media, settings: Settings, detector: Detector) -> TrackedClip:
    """Return the main person in the frames that are sampled of a clip.

    Args:
        media: as `extract` takes it
        settings: as `extract` takes them
        detector: as `extract` takes it

    Raises:
        MediaError: `unreadable`, `no-picture`
    """
    frames, detections = _detect_faces(media, settings, detector)
    confident = [
        [face for face in faces if face.score >= settings.min_score] for faces in detections
    ]
    track = track_main_face([frame.time_s for frame in frames], confident, settings.max_gap_frames)
    return TrackedClip(frames, detections, track)


def cut_faces(clip: TrackedClip, settings: Settings) -> dict[str, NDArray[Any]]:
    """Return the main person's face in each frame, as `extract` does.

    Raises:
        MediaError: as `extract` does, once the frames are decoded
    """
    frames, track = clip.frames, clip.track
    if not track:
        raise _no_face_error(frames, clip.detections, settings)
    faces = [
        cut_face(
            frames[tracked.frame_index].image,
            tracked.face,
            settings,
            time_s=frames[tracked.frame_index].time_s,
            n_other_faces=tracked.n_other_faces,
            interpolated=tracked.interpolated,
        )
        for tracked in track
    ]
    check_quality(faces, settings)
    return stack_faces(faces, len(frames))


def decode_crops(extracted: Mapping[str, NDArray[Any]], side_px: int) -> NDArray[np.uint8]:
    """Return the aligned faces as pictures.

    Args:
        extracted: `faces` and `sizes`, as `extract` returns them
        side_px: of each picture

    Returns:
        RGB [shape=(n, side_px, side_px, 3)]
    """
    import cv2
    import numpy as np

    ends = np.cumsum(extracted["sizes"])
    pictures = np.empty((len(ends), side_px, side_px, 3), np.uint8)
    for picture, file in zip(pictures, np.split(extracted["faces"], ends[:-1]), strict=True):
        crop = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR_RGB))
        if len(crop) != side_px:
            crop = cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA)
        picture[:] = crop
    return pictures


class Extraction:
    """What `store.update` calls for each film, in this process or in another.

    Args:
        settings: how
        detector_name: as `detectors.weights.resolve` returns it
        detector_files: likewise
    """

    def __init__(
        self, settings: Settings, detector_name: str, detector_files: Mapping[str, bytes]
    ) -> None:
        self._settings = settings
        files = tuple(detector_files.items())
        self._detector = (detector_name, files, settings.detector_side_px)

    def __call__(self, file: Path, names: Collection[str]) -> dict[str, dict[str, NDArray[Any]]]:
        """Return the faces of a file, under `faces`."""
        return {"faces": extract(file, self._settings, _load_once(*self._detector))}


@lru_cache(maxsize=1)
def _load_once(name: str, files: tuple[tuple[str, bytes], ...], side_px: int) -> Detector:
    """Return the detector, loaded once in a process."""
    return detectors.load(name, dict(files), side_px)


def _detect_faces(
    media: Media, settings: Settings, detector: Detector
) -> tuple[list[Frame], list[list[Face]]]:
    """Return the sampled frames, and the faces in each."""
    frames: list[Frame] = []
    detections: list[list[Face]] = []
    with Clip.of(media) as clip:
        span = clip.voiced_span(settings.voiced_db) if settings.spread == "voiced" else None
        if span:
            span = (span[0] - _VOICED_MARGIN_S, span[1] + _VOICED_MARGIN_S)
        count = 1 if settings.spread == "middle" else settings.frames
        decoded = clip.iterate_frames(count, span)
        # a clip that another process decodes is decoded on, while the detector is at work
        while batch := list(islice(decoded, detector.batch_size)):
            frames += batch
            detections += detector.detect([frame.image for frame in batch])
    return frames, detections


def _no_face_error(
    frames: list[Frame], detections: list[list[Face]], settings: Settings
) -> MediaError:
    """Return why there is no face: too little light to see one by, or none."""
    return no_face_error(
        f"no face in any of the {len(frames)} sampled frames that scores at least "
        f"{settings.min_score:g} (faces.min_score)",
        brightness=max(float(frame.image.mean()) for frame in frames),
        best_score=max([face.score for faces in detections for face in faces], default=0.0),
        settings=settings,
    )
