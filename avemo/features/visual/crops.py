"""Small pictures of the faces, for networks that are trained from scratch."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ...faces.extract import decode_crops
from ...schema import Strict
from ..arrays import Arrays
from ..extractor import VisualExtractor

__all__ = ["Crops", "Settings"]


class Settings(Strict):
    """`extractors.crops` in params.yaml."""

    side_px: Annotated[int, Field(ge=32, le=224)]
    frames: Annotated[int, Field(ge=1)]


class Crops(VisualExtractor[Settings]):
    """Small pictures."""

    settings_class = Settings
    version = 1
    dtypes: ClassVar = {"crops": "uint8"}

    def extract(self, faces: Arrays) -> Arrays:
        """Return small pictures of a clip's faces.

        Args:
            faces: the clip's n faces, as `faces.extract` gives them

        Returns:
            `crops`: RGB, uint8 [shape=(at most frames, side_px, side_px, 3)], spread evenly
        """
        pictures = decode_crops(faces, self.settings.side_px)
        count = min(self.settings.frames, len(pictures))
        positions = (np.arange(count) + 0.5) * len(pictures) / count
        return {"crops": pictures[positions.astype(int)]}
