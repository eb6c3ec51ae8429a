"""Who speaks: the mouth of the speaker moves more than the mouths of the others.

It is not learned: the change of the mouth's part of each face from picture to picture is compared.
Where that does not decide, it is left open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from .alignment import TEMPLATE, TEMPLATE_SIDE_PX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .cut_face import CutFace

__all__ = ["find_speaker", "mouth_motion"]

_SIDE_PX = 96
#: pictures further apart, in seconds, show no movement
_MAX_STEP_S = 0.5
#: fewer changes from picture to picture say nothing
_MIN_STEPS = 3
#: the mouth of a speaker moves so many times as much as that of whoever moves theirs next most
_MIN_RATIO = 1.4


def find_speaker(people: Mapping[int, Sequence[CutFace]], margin: float) -> int | None:
    """Return who of several people speaks, while somebody is heard.

    Args:
        people: by the number of the track, the person's faces in order of time
        margin: on each side of the crops, as `faces.margin` in params.yaml

    Returns:
        the number of the track; None where it is not known
    """
    motions = {}
    for number, faces in people.items():
        motion = mouth_motion(faces, margin)
        if motion is None:
            return None
        motions[number] = motion
    if len(motions) < 2:
        return next(iter(motions), None)
    (number, most), (_, second), *_ = sorted(motions.items(), key=lambda item: -item[1])
    return number if most >= _MIN_RATIO * second else None


def mouth_motion(faces: Sequence[CutFace], margin: float) -> float | None:
    """Return how much a mouth moves.

    Args:
        faces: of one person, in order of time
        margin: see `find_speaker`

    Returns:
        the mean change of the mouth's part from picture to picture, in units of the contrast of the
        face; None for too few pictures
    """
    import numpy as np

    mouths = [(face.time_s, _mouth(face.jpeg, margin)) for face in faces]
    changes = [
        float(np.abs(after - before).mean())
        for (before_s, before), (after_s, after) in pairwise(mouths)
        if after_s - before_s <= _MAX_STEP_S
    ]
    return float(np.mean(changes)) if len(changes) >= _MIN_STEPS else None


def _mouth(jpeg: NDArray[np.uint8], margin: float) -> NDArray[np.float32]:
    """Return the part of an aligned face around the mouth, in units of the face's contrast."""
    import cv2
    import numpy as np

    crop = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE))
    grey = cv2.resize(crop, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
    scale = _SIDE_PX / (TEMPLATE_SIDE_PX * (1 + 2 * margin))
    points = (np.array(TEMPLATE) + margin * TEMPLATE_SIDE_PX) * scale
    nose, corners = points[2], points[3:]
    x, y = corners.mean(axis=0)
    half = (corners[1, 0] - corners[0, 0]) * 0.7
    mouth = _cut(grey, x, y + 0.1 * half, half, half * 0.8)
    face = _cut(grey, nose[0], nose[1], half * 1.6, half * 1.8)
    return mouth / np.float32(face.std() + 1.0)


def _cut(
    grey: NDArray[np.float32], x: float, y: float, half_width: float, half_height: float
) -> NDArray[np.float32]:
    rows = slice(max(0, round(y - half_height)), round(y + half_height))
    columns = slice(max(0, round(x - half_width)), round(x + half_width))
    part = grey[rows, columns]
    difference: NDArray[np.float32] = part - part.mean()
    return difference
