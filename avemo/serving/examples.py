"""Real answers, as OpenAPI shows them: a version of the synthetic sample, for a clip of RAVDESS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType

from ..inference.evidence import Evidence

__all__ = [
    "CORRECTION",
    "DELETED",
    "ENROLLED",
    "ENROLLED_SPEAKER",
    "ERROR",
    "PREDICTIONS",
    "SPEAKERS",
    "TIMELINE",
    "files_body",
    "json_answer",
]

_PROBABILITIES = {
    "fearful": 0.31356972455978394,
    "neutral": 0.1816968470811844,
    "surprised": 0.16687364876270294,
    "angry": 0.11421825736761093,
    "disgust": 0.07581490278244019,
    "calm": 0.055732276290655136,
    "happy": 0.05414106696844101,
    "sad": 0.037953246384859085,
}
_MODEL = {
    "name": "avemo-fused",
    "version": "1",
    "alias": "champion",
    "run_id": "a55bdb7cfba048c4ac8fedd0d760ddd1",
    "since": "2026-11-29T12:38:05+00:00",
    "synthetic": True,
}
_EVIDENCE = Evidence(
    modality="fused",
    voiced_s=1.38,
    voice_start_s=1.02,
    voice_end_s=2.4,
    frames=16,
    frames_with_face=16,
)

PREDICTIONS: dict[str, object] = {
    "model": _MODEL,
    "predictions": [
        {
            "file": "clip.mp4",
            "emotion": "fearful",
            "probability": 0.31356972455978394,
            "probabilities": _PROBABILITIES,
            "unsure": False,
            "emotions": [],
            "finding": "",
            "reason": "",
            "evidence": asdict(_EVIDENCE),
            "adaptation": "",
            "model": "avemo-fused version 1",
            "synthetic": True,
        },
        {
            "file": "notes.txt",
            "emotion": "",
            "probability": None,
            "probabilities": {},
            "unsure": False,
            "emotions": [],
            "finding": "unreadable",
            "reason": "media of 12 bytes is a text, which is not read: a film or a sound is "
            "expected",
            "evidence": asdict(Evidence()),
            "adaptation": "",
            "model": "avemo-fused version 1",
            "synthetic": True,
        },
    ],
}

_ENROLLED_CLIP = {
    "added": True,
    "file": "reading.wav",
    "emotion": "neutral",
    "probability": 0.1816968470811844,
    "probabilities": _PROBABILITIES,
    "unsure": False,
    "emotions": [],
    "finding": "",
    "reason": "",
    "evidence": asdict(Evidence(modality="audio", voiced_s=1.4)),
    "adaptation": "",
    "model": "avemo-fused version 1",
    "synthetic": True,
}
_SPEAKER = {
    "name": "Ana",
    "clips": 1,
    "neutral_clips": 1,
    "model": "avemo-fused version 1",
    "changed": "2026-11-29T12:40:11+00:00",
    "expires": "2026-12-29T12:40:11+00:00",
}

#: shortened: an answer has a count for each class, and a sum for each dimension
ENROLLED: dict[str, object] = {
    "model": _MODEL,
    "statistics": {
        "space": "5f2c1d0ab9e84c37",
        "clips": 1,
        "neutral_clips": 1,
        "class_counts": [1.0, 0.0],
        "sums": [0.41, -1.3, 0.07],
    },
    "clips": [_ENROLLED_CLIP],
}
ENROLLED_SPEAKER: dict[str, object] = {
    "model": _MODEL,
    "speaker": _SPEAKER,
    "clips": [_ENROLLED_CLIP],
}
SPEAKERS: dict[str, object] = {"speakers": [_SPEAKER]}
DELETED: dict[str, object] = {"deleted": 1}
CORRECTION: dict[str, object] = {
    "answer_id": "20261130-5f2c1d0ab9e84c3711aa02b4",
    "emotion": "sad",
    "consent": True,
    "time": "2026-11-30T09:15:02+00:00",
}

ERROR: dict[str, object] = {
    "error": {
        "code": "busy",
        "message": "298 s of media wait already, 300 s at most may",
        "request_id": "b7d2f3a4c5e60718",
    }
}

TIMELINE = (
    '{"model": {"name": "avemo-fused", "version": "1"}, "classes": ["neutral", "fearful"], '
    '"window": 3.0, "hop": 1.0, "notice": "…"}\n'
    '{"start": 0.0, "end": 2.0, "track": 0, "emotion": "fearful", "probability": 0.31, '
    '"unsure": false, "probabilities": {"fearful": 0.31, "neutral": 0.18}, "modality": "fused", '
    '"box": [0.31, 0.12, 0.67, 0.78], "voiced": 0.4, "finding": "", "reason": ""}\n'
    '{"end": true, "duration": 3.3, "rows": 1}\n'
)


def files_body(fields: Mapping[str, str] = MappingProxyType({})) -> dict[str, object]:
    """Return what OpenAPI says of a body that is a file, or a form with files.

    Args:
        fields: the form's further fields, each with what it is
    """
    binary = {"type": "string", "format": "binary"}
    further = {name: {"type": "string", "description": text} for name, text in fields.items()}
    form = {
        "type": "object",
        "properties": {"file": {"type": "array", "items": binary}, **further},
        "required": ["file"],
    }
    return {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/octet-stream": {"schema": binary},
                "video/*": {"schema": binary},
                "audio/*": {"schema": binary},
            },
        }
    }


def json_answer(example: object, description: str) -> dict[int | str, dict[str, object]]:
    """Return what OpenAPI says of an answer and of the errors in its place."""
    errors = {
        401: "no key, or a wrong one",
        403: "the service keeps nothing of people, or records no answers",
        404: "nobody is enrolled by this name, or no answer has this id",
        408: "the upload is too slow",
        409: "the speaker must be enrolled again for this version, or it adapts to nobody",
        413: "the request is too large",
        503: "the queue is full, or no version is loaded yet; see Retry-After",
        504: "no answer in time",
    }
    return {
        200: {
            "description": description,
            "content": {"application/json": {"example": example}},
        },
        **{
            status: {"description": text, "content": {"application/json": {"example": ERROR}}}
            for status, text in errors.items()
        },
    }
