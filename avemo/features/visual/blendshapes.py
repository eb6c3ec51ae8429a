"""Blendshapes: how far a face moves each of 52 ways, from brows to jaw, by MediaPipe's networks.

MediaPipe's face detector is not needed, because the faces are detected and upright already.
MediaPipe crops them by other landmarks and resamples them otherwise, so that its figures are near
these and not the same.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...faces.extract import decode_crops
from ...pretrained.face_landmarker import SIDE
from ...runtime.graph import load_graph
from ...schema import Strict
from ..arrays import Arrays
from ..extractor import VisualExtractor

__all__ = ["Blendshapes", "Settings"]


class Settings(Strict):
    """`extractors.blendshapes` in params.yaml: there is nothing to set."""


class Blendshapes(VisualExtractor[Settings]):
    """Movements of the face, one row a face."""

    settings_class = Settings
    version = 2
    dtypes: ClassVar = {"blendshapes": "float32"}
    weight_names = ("face_landmarker",)

    def extract(self, faces: Arrays) -> Arrays:
        """Return the blendshapes of each face of a clip.

        Args:
            faces: the clip's n faces, as `faces.extract` gives them

        Returns:
            `blendshapes`: float32 [shape=(n, 52)], of `face_landmarker.BLENDSHAPES`, 0 to 1

        Raises:
            GraphError: the networks cannot be run here
        """
        landmarker = load_graph(self.weights["face_landmarker"])
        scale = np.float32(255)
        rows = [
            landmarker.run({"face": picture[None] / scale})[0]
            for picture in decode_crops(faces, SIDE)
        ]
        return {"blendshapes": np.stack(rows)}
