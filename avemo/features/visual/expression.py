"""Facial expression: features and answers of a MobileNet trained on AffectNet, one row a face.

The 256 features before the answer tell more than the answer does: by itself the network recognises
happiness and disgust almost always, and next to never anger.

Source:
    A. V. Savchenko: Facial expression and attributes recognition based on multi-task learning of
    lightweight neural networks. SISY 2021; weights Apache-2.0,
    https://github.com/sb-ai-lab/EmotiEffLib
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...faces.extract import decode_crops
from ...pretrained.expression_mobilenet import MEAN_BGR, SIDE
from ...runtime.graph import load_graph
from ...schema import Strict
from ..arrays import Arrays
from ..extractor import VisualExtractor
from ..face_rows import FaceRows

__all__ = ["Expression", "Settings"]


class Settings(Strict):
    """`extractors.expression` in params.yaml."""

    trim_ratio: Annotated[float, Field(ge=0, le=0.3)]


class Expression(VisualExtractor[Settings]):
    """Features and probabilities of 7 expressions, and their statistics."""

    settings_class = Settings
    version = 3
    dtypes: ClassVar = {
        "expression": "float16",
        "expression_probabilities": "float32",
        "expression_mean": "float32",
        "expression_stats": "float32",
    }
    weight_names = ("hsemotion_mobilenet_7",)

    def __init__(self, settings: Settings, weights: Mapping[str, Path] | None = None) -> None:
        super().__init__(settings, weights)
        self._rows = FaceRows()

    def extract(self, faces: Arrays) -> Arrays:
        """Return the expression of each face of a clip.

        Args:
            faces: the clip's n faces, as `faces.extract` gives them

        Returns:
            `expression`: float16 [shape=(n, 256)], the network's features, none below 0;
            `expression_probabilities`: float32 [shape=(n, 7)], of
            `expression_mobilenet.CLASSES`; `expression_mean`: float32 [shape=(1, 7)], their mean
            over the faces; `expression_stats`: float32 [shape=(1, 2 · 263)], the mean of features
            and probabilities over the faces, and their deviation

        Raises:
            GraphError: the network cannot be run here
        """
        rows = self._rows.get(faces, self._compute)
        features, probabilities = (np.concatenate(column) for column in zip(*rows, strict=True))
        both = np.concatenate([features, probabilities], axis=1)
        return {
            "expression": features.astype(np.float16),
            "expression_probabilities": probabilities,
            "expression_mean": probabilities.mean(axis=0, keepdims=True),
            "expression_stats": np.concatenate([both.mean(axis=0), both.std(axis=0)])[None],
        }

    def _compute(self, faces: Arrays) -> list[list[NDArray[np.float32]]]:
        """Return the network's features and probabilities of each face."""
        network = load_graph(self.weights["hsemotion_mobilenet_7"])
        border = round(self.settings.trim_ratio * SIDE / (1 - 2 * self.settings.trim_ratio))
        middle = slice(border, border + SIDE)
        pictures = decode_crops(faces, SIDE + 2 * border)[:, middle, middle]
        bgr, mean = pictures[..., ::-1], np.array(MEAN_BGR, np.float32)
        # one face at a time: as quick as several, which would take 20 MB each
        return [network.run({"faces": face[None].astype(np.float32) - mean}) for face in bgr]
