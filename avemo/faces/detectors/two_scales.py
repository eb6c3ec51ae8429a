"""Detectors that look at a reduced picture first, and again larger where they see no face."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .detector import Detector, Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MIN_SCORE", "TwoScaleDetector"]

MIN_SCORE = 0.3  # low, because the caller applies the actual threshold

_LARGE_SIDE_PX = 640  # the longer side that such networks are trained at
_CONFIDENT_SCORE = 0.5  # a picture without such a face is looked at again, larger


class TwoScaleDetector(Detector):
    """One image at a time, on one thread: the engine fills the cores.

    Args:
        side_px: the longer side at which it looks at a picture first
    """

    batch_size = 1

    def __init__(self, side_px: int) -> None:
        self._sides_px = sorted({min(side_px, _LARGE_SIDE_PX), _LARGE_SIDE_PX})

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return the faces of each image."""
        return [self._detect_in_image(image) for image in images]

    def _detect_in_image(self, image: NDArray[np.uint8]) -> list[Face]:
        faces: list[Face] = []
        for side_px in self._sides_px:
            faces = self._detect_at(image, side_px / max(image.shape[:2]))
            if any(face.score >= _CONFIDENT_SCORE for face in faces):
                break
        return faces

    @abstractmethod
    def _detect_at(self, image: NDArray[np.uint8], scale: float) -> list[Face]:
        """Return the faces of an image, in its own pixels, as seen when it is scaled."""
