"""Small pictures of the faces, for networks that are trained from nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ...faces import extract as faces
from ...schema import Strict

__all__ = ["ARRAYS", "MODALITY", "VERSION", "Settings", "extract"]

#: raised when the same faces and settings give other figures than before
VERSION = 1
MODALITY = "visual"
ARRAYS = {"crops": "uint8"}

Array = np.ndarray[Any, Any]


class Settings(Strict):
    """`extractors.crops` in params.yaml."""

    side_px: Annotated[int, Field(ge=32, le=224)]
    frames: Annotated[int, Field(ge=1)]


def extract(seen: Mapping[str, Array], settings: Settings) -> dict[str, Array]:
    """The faces of a clip, small.

    Args:
        seen: its n faces, as `faces.extract` gives them
        settings: see params.yaml

    Returns:
        `crops`: RGB, uint8 [shape=(at most frames, side_px, side_px, 3)], spread over the clip
    """
    pictures = faces.images(seen, settings.side_px)
    count = min(settings.frames, len(pictures))
    picks = (np.arange(count) + 0.5) * len(pictures) / count
    return {"crops": pictures[picks.astype(int)]}
