"""Blendshapes: how far a face moves each of 52 ways, from brows to jaw, by MediaPipe's networks.

MediaPipe's face detector is not needed, because the faces are detected and upright already.
MediaPipe crops them by other landmarks and resamples them otherwise, so that its figures are near
these and not the same.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...faces.extract import decode_crops
from ...pretrained.face_landmarker import SIDE, load_landmarker
from ...schema import Strict
from ..arrays import Arrays
from ..extractor import VisualExtractor

__all__ = ["Blendshapes", "Settings"]


class Settings(Strict):
    """`extractors.blendshapes` in params.yaml: there is nothing to set."""


class Blendshapes(VisualExtractor[Settings]):
    """Movements of the face, one row a face."""

    settings_class = Settings
    version = 1
    dtypes: ClassVar = {"blendshapes": "float32"}
    weight_names = ("face_landmarker",)

    def extract(self, faces: Arrays) -> Arrays:
        """Return the blendshapes of each face of a clip.

        Args:
            faces: the clip's n faces, as `faces.extract` gives them

        Returns:
            `blendshapes`: float32 [shape=(n, 52)], of `face_landmarker.BLENDSHAPES`, 0 to 1

        Raises:
            AssetError: the file is not what it should be
        """
        landmarker = load_landmarker(self.weights["face_landmarker"])
        rows = [landmarker.blendshapes(picture) for picture in decode_crops(faces, SIDE)]
        return {"blendshapes": np.stack(rows)}
