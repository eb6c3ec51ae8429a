"""Where a face's five points stand, how the head is turned, and how both change in a clip.

A change from the clip's own median tells the expression from the face that has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...schema import Strict

__all__ = ["ARRAYS", "COLUMNS", "MODALITY", "VERSION", "Settings", "extract"]

#: raised when the same faces and settings give other figures than before
VERSION = 1
MODALITY = "visual"
ARRAYS = {"geometry": "float32", "geometry_stats": "float32"}

#: of one face; lengths in distances between the eyes, angles in degrees
COLUMNS = (
    *("nose_x", "nose_y", "left_x", "left_y", "right_x", "right_y"),  # from between the eyes
    *("mouth_width", "nose_to_mouth", "left_eye_to_corner", "right_eye_to_corner"),
    *("mouth_tilt", "angle_at_nose"),
    *("yaw", "pitch", "roll"),
)

Array = np.ndarray[Any, Any]


class Settings(Strict):
    """`extractors.geometry` in params.yaml: there is nothing to set."""


def extract(seen: Mapping[str, Array], settings: Settings) -> dict[str, Array]:
    """The five points of each face of a clip, upright and of one size.

    Args:
        seen: the clip's n faces, as `faces.extract` gives them
        settings: see params.yaml

    Returns:
        `geometry`: float32 [shape=(n, 33)], `COLUMNS`, their difference from the clip's median, and
        that of place (x and y) and size (its logarithm) of the face in the picture;
        `geometry_stats`: float32 [shape=(1, 66)], the mean of each over the faces, and the
        deviation
    """
    points = seen["landmarks"].astype(np.float64)
    middle, across, apart = _eyes(points)
    shape = np.column_stack([_upright(points, middle, across, apart), seen["pose"]])
    place = (middle - np.median(middle, axis=0)) / np.median(apart)
    size = np.log(apart / np.median(apart))
    found = np.column_stack([shape, shape - np.median(shape, axis=0), place, size])
    stats = np.concatenate([found.mean(axis=0), found.std(axis=0)])
    return {
        "geometry": found.astype(np.float32),
        "geometry_stats": stats[None].astype(np.float32),
    }


def _eyes(points: Array) -> tuple[Array, Array, Array]:
    """The point between the eyes, the direction from left to right, and how far they are apart."""
    left, right = points[:, 0], points[:, 1]
    apart = np.maximum(np.linalg.norm(right - left, axis=1), 1e-6)
    return (left + right) / 2, (right - left) / apart[:, None], apart


def _upright(points: Array, middle: Array, across: Array, apart: Array) -> Array:
    """`COLUMNS` without the pose [shape=(n, 12)]."""
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    axes = np.stack([across, down], axis=2)
    left_eye, right_eye, nose, left, right = np.moveaxis(
        (points - middle[:, None]) @ axes / apart[:, None, None], 1, 0
    )
    mouth = right - left
    to_left, to_right = left - nose, right - nose
    angle = np.arctan2(to_left[:, 1], to_left[:, 0]) - np.arctan2(to_right[:, 1], to_right[:, 0])
    return np.column_stack(
        [
            *(nose, left, right),
            np.linalg.norm(mouth, axis=1),
            np.linalg.norm((left + right) / 2 - nose, axis=1),
            np.linalg.norm(left - left_eye, axis=1),
            np.linalg.norm(right - right_eye, axis=1),
            np.degrees(np.arctan2(mouth[:, 1], mouth[:, 0])),
            np.degrees(angle) % 360,
        ]
    )
