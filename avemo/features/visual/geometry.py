"""Five landmarks of a face, the head's pose, and how both change in a clip.

The difference from the clip's own median separates the expression from the face that has it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...schema import Strict
from ..arrays import Arrays
from ..extractor import VisualExtractor

__all__ = ["COLUMNS", "Geometry", "Settings"]

#: of one face; lengths in distances between the eyes, angles in degrees
COLUMNS = (
    *("nose_x", "nose_y", "left_x", "left_y", "right_x", "right_y"),  # from between the eyes
    *("mouth_width", "nose_to_mouth", "left_eye_to_corner", "right_eye_to_corner"),
    *("mouth_tilt", "angle_at_nose"),
    *("yaw", "pitch", "roll"),
)

Doubles = NDArray[np.float64]


class Settings(Strict):
    """`extractors.geometry` in params.yaml: there is nothing to set."""


class Geometry(VisualExtractor[Settings]):
    """Landmarks and head pose, and their statistics."""

    settings_class = Settings
    version = 1
    dtypes: ClassVar = {"geometry": "float32", "geometry_stats": "float32"}

    def extract(self, faces: Arrays) -> Arrays:
        """Return the five landmarks of each face of a clip, upright and of one size.

        Args:
            faces: the clip's n faces, as `faces.extract` gives them

        Returns:
            `geometry`: float32 [shape=(n, 33)], `COLUMNS`, their difference from the clip's median,
            and that of position (x and y) and size (its logarithm) of the face in the picture;
            `geometry_stats`: float32 [shape=(1, 66)], the mean of each over the faces, and the
            deviation
        """
        landmarks = faces["landmarks"].astype(np.float64)
        middle, across, apart = _measure_eyes(landmarks)
        upright = _upright_columns(landmarks, middle, across, apart)
        columns = np.column_stack([upright, faces["pose"]])
        position = (middle - np.median(middle, axis=0)) / np.median(apart)
        size = np.log(apart / np.median(apart))
        geometry = np.column_stack([columns, columns - np.median(columns, axis=0), position, size])
        stats = np.concatenate([geometry.mean(axis=0), geometry.std(axis=0)])
        return {
            "geometry": geometry.astype(np.float32),
            "geometry_stats": stats[None].astype(np.float32),
        }


def _measure_eyes(landmarks: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Return the point between the eyes, the direction from left to right, and their distance."""
    left_eye, right_eye = landmarks[:, 0], landmarks[:, 1]
    apart = np.maximum(np.linalg.norm(right_eye - left_eye, axis=1), 1e-6)
    return (left_eye + right_eye) / 2, (right_eye - left_eye) / apart[:, None], apart


def _upright_columns(
    landmarks: Doubles, middle: Doubles, across: Doubles, apart: Doubles
) -> Doubles:
    """Return `COLUMNS` without the pose [shape=(n, 12)]."""
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    axes = np.stack([across, down], axis=2)
    left_eye, right_eye, nose, left_corner, right_corner = np.moveaxis(
        (landmarks - middle[:, None]) @ axes / apart[:, None, None], 1, 0
    )
    mouth = right_corner - left_corner
    to_left, to_right = left_corner - nose, right_corner - nose
    angle = np.arctan2(to_left[:, 1], to_left[:, 0]) - np.arctan2(to_right[:, 1], to_right[:, 0])
    return np.column_stack(
        [
            *(nose, left_corner, right_corner),
            np.linalg.norm(mouth, axis=1),
            np.linalg.norm((left_corner + right_corner) / 2 - nose, axis=1),
            np.linalg.norm(left_corner - left_eye, axis=1),
            np.linalg.norm(right_corner - right_eye, axis=1),
            np.degrees(np.arctan2(mouth[:, 1], mouth[:, 0])),
            np.degrees(angle) % 360,
        ]
    )
