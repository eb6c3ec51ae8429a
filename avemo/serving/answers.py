"""Predictions and versions as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ..inference.prediction import Prediction
from .versions.current import ServedVersion

__all__ = ["model_fields", "prediction_fields", "version_headers"]


def prediction_fields(prediction: Prediction, file: str, answer_id: str = "") -> dict[str, object]:
    """Return a prediction.

    Args:
        prediction: of a version
        file: as the client calls it
        answer_id: in the record; empty where it is not recorded
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
        **({"answer_id": answer_id} if answer_id else {}),
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


def version_headers(served: ServedVersion, answer_ids: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers by which every answer names its version, and its place in the record.

    Args:
        served: the version
        answer_ids: in the order of the clips, empty ones where an answer is not recorded
    """
    headers = {"x-avemo-model": f"{served.description.name}/{served.description.version}"}
    if any(answer_ids):
        headers["x-avemo-answer"] = ",".join(answer_id or "-" for answer_id in answer_ids)
    return headers
