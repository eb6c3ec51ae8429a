"""Predictions and versions as JSON."""

from __future__ import annotations

from dataclasses import asdict

from ..inference.prediction import Prediction
from .versions.current import ServedVersion

__all__ = ["model_fields", "prediction_fields", "version_headers"]


def prediction_fields(prediction: Prediction, file: str) -> dict[str, object]:
    """Return a prediction.

    Args:
        prediction: of a version
        file: as the client calls it
    """
    return {
        "file": file,
        "emotion": prediction.emotion,
        "probability": None if prediction.finding else prediction.probability,
        "probabilities": dict(prediction.probabilities),
        "unsure": prediction.unsure,
        "emotions": list(prediction.emotions),
        "finding": prediction.finding,
        "reason": prediction.reason,
        "evidence": asdict(prediction.evidence),
        "adaptation": prediction.adaptation,
        "model": prediction.model,
        "synthetic": prediction.synthetic,
    }


def model_fields(served: ServedVersion) -> dict[str, object]:
    """Return the version that an answer names; `/v1/model` says more of it."""
    description = served.description
    return {
        "name": description.name,
        "version": description.version,
        "alias": description.alias,
        "run_id": description.run_id,
        "since": served.since.isoformat(timespec="seconds"),
        "synthetic": description.synthetic,
    }


def version_headers(served: ServedVersion) -> dict[str, str]:
    """Return the headers by which every answer names its version."""
    return {"x-avemo-model": f"{served.description.name}/{served.description.version}"}
