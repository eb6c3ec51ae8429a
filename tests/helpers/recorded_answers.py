"""Rows of a record, and a clock that a test sets."""

from dataclasses import dataclass
from datetime import datetime

from avemo.serving.record.rows import AnswerDraft, AnswerSettings

__all__ = ["CLASSES", "Clock", "new_draft"]

CLASSES = ("sad", "happy", "calm")


@dataclass
class Clock:
    """A clock that says what a test wants."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def new_draft(
    emotion: str = "sad",
    *,
    sha256: str = "0" * 64,
    version: str = "1",
    seal: str = "f" * 64,
    kind: str = "clip",
    finding: str = "",
) -> AnswerDraft:
    """Return an answer before it is recorded."""
    probabilities = {name: 0.7 if name == emotion else 0.15 for name in CLASSES}
    return AnswerDraft(
        sha256=sha256,
        model="avemo-audio",
        version=version,
        seal=seal,
        classes=CLASSES,
        settings=AnswerSettings.model_validate({"kind": kind}),
        finding=finding,
        emotion="" if finding else emotion,
        unsure=False,
        probabilities={} if finding else probabilities,
        windows=(),
        seconds=0.1,
        notice=None,
    )
