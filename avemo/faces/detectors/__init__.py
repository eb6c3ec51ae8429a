"""Face detectors behind one interface, a file each."""

from __future__ import annotations

import logging
from pathlib import Path

from ...errors import AssetError
from ...pretrained import assets
from .detector import Detector, Face

__all__ = ["Detector", "Face", "load", "resolve"]

log = logging.getLogger(__name__)


def resolve(setting: str) -> tuple[str, Path | None]:
    """Return the detector that a setting stands for on this machine, and its weights.

    It may fetch the weights, so call it once, not in each worker.

    Args:
        setting: `scrfd`, `mtcnn`, or `auto`: SCRFD where its weights can be fetched, else MTCNN

    Returns:
        `scrfd_500m` or `mtcnn`, and the file of its weights; None if a package carries them

    Raises:
        AssetError: the setting is `scrfd` and its weights cannot be fetched; or a file of weights
            has a wrong checksum
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
        reason = str(error).partition(". ")[0]
        log.warning("MTCNN detects faces instead of SCRFD: %s (see `avemo assets`)", reason)
        return "mtcnn", None


def load(name: str, weights: bytes | None, side_px: int) -> Detector:
    """Return a detector, ready to use.

    Args:
        name: as `resolve` returns it
        weights: the content of the file that `resolve` returns
        side_px: `faces.detector_side_px`: the longer side at which SCRFD looks at a picture first

    Raises:
        ValueError: SCRFD without weights, or an unknown name
    """
    if name == "mtcnn":
        from .mtcnn import MtcnnDetector

        return MtcnnDetector()
    if name == "scrfd_500m" and weights is not None:
        from .scrfd import ScrfdDetector, load_network

        return ScrfdDetector(name, load_network(weights), side_px)
    raise ValueError(f"no detector {name!r} {'with' if weights else 'without'} weights")
