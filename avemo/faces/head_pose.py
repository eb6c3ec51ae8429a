"""Which way a head is turned, from five points of its face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .alignment import TEMPLATE

if TYPE_CHECKING:
    import numpy as np

__all__ = ["pose"]

# How far the eyes, the nose's tip and the mouth's corners lie behind the eyes, in pixels of
# ArcFace's template, where the eyes are 35 pixels apart.
_DEPTH = (0.0, 0.0, -21.8, -4.5, -4.5)


def pose(points: np.ndarray) -> np.ndarray:
    """The turn of an average head that brings its five points nearest to these.

    Its points are ArcFace's template, which is the mean of faces seen from the front, with the
    depths of MediaPipe's canonical face. The camera is taken to be far away; nothing need be known
    of its lens.

    Source:
        DeMenthon and Davis: Model-Based Object Pose in 25 Lines of Code (1995), its first step.

    Args:
        points: of one face, as a detector gives them, in pixels `[shape=(5, 2)]`

    Returns:
        yaw, pitch and roll in degrees, float32 `[shape=(3,)]`: the face turns to the picture's
        right, upwards, and its top leans to the picture's right, where they are positive
    """
    import numpy as np

    model = np.column_stack([TEMPLATE, _DEPTH, np.ones(5)])
    seen = np.linalg.lstsq(model, np.asarray(points, np.float64), rcond=None)[0][:3].T
    left, _, right = np.linalg.svd(seen, full_matrices=False)
    across, down = left @ right  # the picture's axes, as the head has them
    away = np.cross(across, down)
    yaw = np.arctan2(away[0], away[2])
    pitch = np.arcsin(np.clip(-away[1], -1, 1))
    roll = np.arctan2(-across[1], down[1])
    return np.degrees([yaw, pitch, roll]).astype(np.float32)
