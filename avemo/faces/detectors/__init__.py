"""Face detectors behind one interface, a file each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ...errors import AssetError
from ...pretrained import assets

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Detector", "Face", "load", "resolve"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face, in pixels of the image.

    Args:
        box: left, top, right, bottom `[shape=(4,)]`, float32
        points: x and y of the left and right eye, the nose, the left and right corner of the
            mouth; left is the image's left `[shape=(5, 2)]`, float32
        score: 0 to 1
    """

    box: np.ndarray
    points: np.ndarray
    score: float


class Detector(Protocol):
    """Finds faces. Its `name` goes with the features, so that they say what found them."""

    name: str

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """The faces of each image.

        Args:
            images: BGR, uint8, `[shape=(height, width, 3)]` each
        """


def resolve(setting: str) -> tuple[str, Path | None]:
    """The detector that a setting stands for on this machine, and its weights.

    May fetch the weights, so call it once, not in each worker.

    Args:
        setting: `scrfd`, `mtcnn`, or `auto`: SCRFD where its weights can be had, MTCNN where not

    Returns:
        `scrfd_500m` or `mtcnn`, and the weights' file where they are no part of a package

    Raises:
        AssetError: `scrfd` is asked for and its weights cannot be had; or there is a file of
            weights with a wrong checksum
    """
    if setting == "mtcnn":
        return "mtcnn", None
    if weights := assets.find("scrfd_500m"):
        return "scrfd_500m", weights
    try:
        return "scrfd_500m", assets.get("scrfd_500m")
    except AssetError as error:
        if setting == "scrfd":
            raise
        why = str(error).partition(". ")[0]
        log.warning("Faces are found with MTCNN instead of SCRFD: %s (see `avemo assets`)", why)
        return "mtcnn", None


def load(name: str, weights: bytes | None, side: int) -> Detector:
    """A detector, ready to use.

    Args:
        name: as `resolve` gives it
        weights: the content of the file that it gives
        side: `faces.detector_side`
    """
    module = import_module(f".{name.partition('_')[0]}", __name__)
    return cast(Detector, module.load(name, weights, side))
