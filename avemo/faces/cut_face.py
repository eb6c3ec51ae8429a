"""A face that is cut out of its picture, with what tells how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import MediaError
from .alignment import align, measure_cut_ratio, measure_sharpness
from .head_pose import estimate_head_pose
from .settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .detectors import Face

__all__ = ["CutFace", "check_quality", "cut_face", "face_side_px", "no_face_error", "stack_faces"]

_NEARLY_ALL = 0.9  # of the frames


@dataclass(frozen=True, eq=False)
class CutFace:
    """One face of one frame.

    Args:
        time_s: of the frame, in seconds
        face: as it was detected, or interpolated
        jpeg: the aligned crop as a JPEG file [shape=(bytes,)]
        brightness: mean of the crop, 0 to 255
        cut_ratio: see `alignment.measure_cut_ratio`
        sharpness: see `alignment.measure_sharpness`
        pose: yaw, pitch and roll in degrees [shape=(3,)]
        n_other_faces: how many other faces the frame has
        interpolated: the detector missed the face
    """

    time_s: float
    face: Face
    jpeg: NDArray[np.uint8]
    brightness: float
    cut_ratio: float
    sharpness: float
    pose: NDArray[np.float32]
    n_other_faces: int = 0
    interpolated: bool = False


def cut_face(
    picture: NDArray[np.uint8],
    face: Face,
    settings: Settings,
    *,
    time_s: float,
    n_other_faces: int = 0,
    interpolated: bool = False,
) -> CutFace:
    """Cut a face out of its picture, upright and at one size, and measure it.

    Args:
        picture: BGR [shape=(height, width, 3)]
        face: in this picture
        settings: how
        time_s: as `CutFace` takes it
        n_other_faces: as `CutFace` takes it
        interpolated: as `CutFace` takes it
    """
    import numpy as np

    landmarks = np.asarray(face.landmarks, np.float32)
    crop = align(picture, landmarks, side_px=settings.side_px, margin=settings.margin)
    return CutFace(
        time_s=time_s,
        face=face,
        jpeg=_encode_jpeg(crop, settings.jpeg_quality),
        brightness=float(crop.mean()),
        cut_ratio=measure_cut_ratio(landmarks, *picture.shape[1::-1]),
        sharpness=measure_sharpness(crop),
        pose=estimate_head_pose(landmarks),
        n_other_faces=n_other_faces,
        interpolated=interpolated,
    )


def stack_faces(faces: Sequence[CutFace], n_frames: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of one person's faces, as `extract.extract` describes them.

    Args:
        faces: in order of time, at least one
        n_frames: how many frames were looked at
    """
    import numpy as np

    detected = sum(not face.interpolated for face in faces)
    return {
        "boxes": np.stack([face.face.box for face in faces]).astype(np.float32),
        "detection_rate": np.array(detected / n_frames, np.float32),
        "faces": np.concatenate([face.jpeg for face in faces]),
        "interpolated": np.array([face.interpolated for face in faces], np.uint8),
        "landmarks": np.stack([face.face.landmarks for face in faces]).astype(np.float32),
        "n_other_faces": np.array([min(255, face.n_other_faces) for face in faces], np.uint8),
        "pose": np.stack([face.pose for face in faces]),
        "scores": np.array([face.face.score for face in faces], np.float32),
        "sharpness": np.array([face.sharpness for face in faces], np.float32),
        "sizes": np.array([len(face.jpeg) for face in faces], np.int32),
        "times": np.array([face.time_s for face in faces], np.float32),
    }


def check_quality(faces: Sequence[CutFace], settings: Settings) -> None:
    """Refuse a person whose face tells nothing in most frames.

    Args:
        faces: of one person
        settings: the limits

    Raises:
        MediaError: `too-dark`, `face-too-small`, `cut-off`, `turned-away`
    """
    import numpy as np

    brightness = float(np.median([face.brightness for face in faces]))
    if brightness < settings.min_brightness:
        raise _too_dark_error("face is", brightness, settings)
    side_px = face_side_px(np.stack([face.face.box for face in faces]).astype(np.float32))
    if side_px < settings.min_face_px:
        raise MediaError(
            "face-too-small",
            f"the face is {side_px:.0f} pixels large, at least {settings.min_face_px:g} are "
            "expected (faces.min_face_px): go nearer, or record larger",
        )
    if (cut_ratio := float(np.median([face.cut_ratio for face in faces]))) > settings.max_cut_ratio:
        raise MediaError(
            "cut-off",
            f"{cut_ratio:.0%} of the face is beyond the picture, at most "
            f"{settings.max_cut_ratio:.0%} is accepted (faces.max_cut_ratio): bring the whole face "
            "into the picture",
        )
    yaws = np.abs(np.stack([face.pose for face in faces])[:, 0])
    if (yaws > settings.max_yaw).mean() >= _NEARLY_ALL:
        raise MediaError(
            "turned-away",
            f"the face is turned away by {np.median(yaws):.0f} degrees, at most "
            f"{settings.max_yaw:g} are accepted (faces.max_yaw): look towards the camera",
        )


def face_side_px(boxes: NDArray[np.floating]) -> float:
    """Return the median side of a face in pixels: the root of its box's area.

    Args:
        boxes: in each frame [shape=(n, 4)]
    """
    import numpy as np

    return float(np.median(np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))))


def no_face_error(
    reason: str, *, brightness: float, best_score: float, settings: Settings
) -> MediaError:
    """Return why nobody is seen in some frames: too little light to see anybody by, or no face.

    Args:
        reason: what to say where there is light enough
        brightness: mean of the brightest frame, 0 to 255
        best_score: of what the detector took for a face; 0 where it found none
        settings: the limit
    """
    if brightness < settings.min_brightness:
        return _too_dark_error("frames are", brightness, settings)
    candidate = f"; the best candidate scores {best_score:.2f}" if best_score else ""
    return MediaError("no-face", f"{reason}{candidate}")


def _too_dark_error(subject: str, brightness: float, settings: Settings) -> MediaError:
    """Return the error for too little light; the subject comes with its verb."""
    return MediaError(
        "too-dark",
        f"the {subject} too dark: a brightness of {brightness:.0f} of 255, at least "
        f"{settings.min_brightness:g} is expected (faces.min_brightness): light the scene",
    )


def _encode_jpeg(crop: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return an RGB crop as a JPEG file [shape=(bytes,)], its colours as fine as its light."""
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, file = cv2.imencode(".jpg", crop[..., ::-1], options)
    encoded: NDArray[np.uint8] = file
    return encoded
