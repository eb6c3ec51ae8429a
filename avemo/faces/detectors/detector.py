"""What every face detector gives, and how it is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Detector", "Face"]


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face, in pixels of the image.

    Args:
        box: left, top, right, bottom [shape=(4,)]
        landmarks: x and y of the left and right eye, the nose, the left and right corner of the
            mouth; left is the image's left [shape=(5, 2)]
        score: the detector's confidence, 0 to 1
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float


class Detector(ABC):
    """Detects faces.

    Attributes:
        name: stored with the features, so that they say what detected their faces
        batch_size: how many images of a clip it is given at a time
    """

    name: str
    batch_size = 8

    @abstractmethod
    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return the faces of each image.

        Args:
            images: BGR [shape=(height, width, 3)]
        """
