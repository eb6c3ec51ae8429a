"""Which way a head is turned, from five landmarks of its face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .alignment import TEMPLATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["estimate_head_pose"]

# How far the eyes, the nose's tip and the mouth's corners lie behind the eyes, in pixels of
# ArcFace's template, where the eyes are 35 pixels apart.
_DEPTH = (0.0, 0.0, -21.8, -4.5, -4.5)


def estimate_head_pose(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the turn of an average head that brings its five landmarks nearest to these.

    The head's landmarks are ArcFace's template, which is the mean of faces seen from the front,
    with the depths of MediaPipe's canonical face. The camera is assumed to be far away; its lens
    need not be known.

    Source:
        DeMenthon and Davis: Model-Based Object Pose in 25 Lines of Code (1995), its first step.

    Args:
        landmarks: of one face, as a detector gives them, in pixels [shape=(5, 2)]

    Returns:
        yaw, pitch and roll in degrees [shape=(3,)]: the face turns to the picture's right,
        upwards, and its top leans to the picture's right, where they are positive
    """
    import numpy as np

    head = np.column_stack([TEMPLATE, _DEPTH, np.ones(5)])
    projection = np.linalg.lstsq(head, np.asarray(landmarks, np.float64), rcond=None)[0][:3].T
    u, _, v = np.linalg.svd(projection, full_matrices=False)
    across, down = u @ v  # the picture's axes, in the head's coordinates
    away = np.cross(across, down)
    yaw = np.arctan2(away[0], away[2])
    pitch = np.arcsin(np.clip(-away[1], -1, 1))
    roll = np.arctan2(-across[1], down[1])
    return np.degrees([yaw, pitch, roll]).astype(np.float32)
