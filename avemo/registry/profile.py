"""What a version predicted for its validation data, and what that data was like.

Whoever serves the version compares with it what comes in: see `serving.drift`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..corpus.selection import read_catalogue, select_sound_sources
from ..evaluation import metrics
from ..evaluation.predictions import read_predictions
from ..faces.cut_face import face_side_px
from ..features import store
from ..modalities import Modality
from ..models.bundle import Bundle
from ..paths import Project
from ..records import ValidationProfile

if TYPE_CHECKING:
    pass

__all__ = ["PROFILE", "QUANTILES", "measure_profile", "write_profile"]

#: among a version's files
PROFILE = "profile.json"
#: which quantiles a profile has
QUANTILES = tuple(round(0.05 * step, 2) for step in range(21))


def measure_profile(project: Project, modality: Modality) -> ValidationProfile | None:
    """Return the profile of a trained model; None where there was no validation.

    Args:
        project: with the trained model, the catalogue, and for a model that sees the faces
        modality: of the model
    """
    folder = project.trained(modality)
    file = folder / "predictions.csv"
    if not file.exists():
        return None
    predictions = read_predictions(file)
    abstention = Bundle(folder).config.abstention
    performances = set(predictions["performance"])
    counts = Counter(metrics.predicted(predictions))
    confidence = metrics.probabilities(predictions).max(axis=1)
    below = confidence < (abstention.threshold if abstention else 0)
    return ValidationProfile(
        modality=modality,
        performances=len(predictions),
        emotions={emotion: counts[emotion] for emotion in metrics.classes_of(predictions)},
        unsure=int(below.sum()),
        loudness_dbfs=_quantiles(_loudness(project, performances, modality)),
        face_px=[] if modality == "audio" else _quantiles(_face_sizes(project, performances)),
    )


def _loudness(project: Project, performances: set[str], modality: Modality) -> Iterable[float]:
    """Return the peak of each performance's sound; none for a model that hears nothing."""
    if modality == "visual" or not project.catalogue.exists():
        return []
    sources = select_sound_sources(read_catalogue(project.catalogue))
    peaks = sources.loc[sources["performance"].isin(performances), "peak_dbfs"]
    return peaks.to_numpy(dtype=float)


def _face_sizes(project: Project, performances: set[str]) -> Iterable[float]:
    """Return the size of each performance's face in pixels, as `faces.min_face_px` counts them."""
    boxes = store.load_arrays(project.faces, "boxes")
    return [face_side_px(own) for name, own in boxes.items() if name in performances]


def _quantiles(values: Iterable[float]) -> list[float]:
    usable = [value for value in values if np.isfinite(value)]
    return np.quantile(usable, QUANTILES).tolist() if usable else []


def write_profile(project: Project, modality: Modality, folder: Path) -> None:
    """Write `profile.json` into a folder of a version's further files, if there is a profile."""
    if profile := measure_profile(project, modality):
        profile.write(folder / PROFILE)
