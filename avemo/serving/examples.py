"""Real answers, as OpenAPI shows them: a version of the synthetic sample, for a clip of RAVDESS."""

from __future__ import annotations

from dataclasses import asdict

from ..inference.evidence import Evidence

__all__ = ["ERROR", "PREDICTIONS", "TIMELINE", "files_body", "json_answer"]

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
            "reason": "media of 12 bytes is no media file that FFmpeg reads, or is cut short "
            "(Invalid data found when processing input)",
            "evidence": asdict(Evidence()),
            "adaptation": "",
            "model": "avemo-fused version 1",
            "synthetic": True,
        },
    ],
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


def files_body() -> dict[str, object]:
    """Return what OpenAPI says of a body that is a file, or a form with files."""
    binary = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "properties": {"file": {"type": "array", "items": binary}},
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
        408: "the upload is too slow",
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
