"""What is recorded of an answer, and of a person's correction of it.

There is no media in it, no file's name, no speaker's name, and no text that a client wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import AwareDatetime

from ...registry.pinned import VersionId
from ...schema import Value

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "AnswerDraft",
    "AnswerSettings",
    "AnsweredWindow",
    "Correction",
    "RecordedAnswer",
    "is_expired",
]


class AnswerSettings(Value):
    """What the client asked for, as far as it changes the answer.

    Args:
        kind: one answer for the clip, or a timeline
        window_s: length of a timeline's windows; None for a clip
        hop_s: from the start of a window to that of the next; None for a clip
        adapt: the timeline adapts to each person as it goes
        adapted: to statistics of a person, of whom nothing is recorded: it cannot be replayed
    """

    kind: Literal["clip", "timeline"] = "clip"
    window_s: float | None = None
    hop_s: float | None = None
    adapt: bool = False
    adapted: bool = False


class AnsweredWindow(Value):
    """A row of a timeline.

    Args:
        start: of the stretch that it stands for, in seconds
        end: likewise
        track: number of the face's track; None for sound alone
        finding: why there is no prediction; empty where there is one
        unsure: it is less certain than the version's threshold
        probabilities: by emotion; empty where there is a finding
    """

    start: float
    end: float
    track: int | None
    finding: str
    unsure: bool
    probabilities: dict[str, float]

    @property
    def emotion(self) -> str:
        """The likeliest emotion; empty where there is a finding."""
        return max(self.probabilities, key=self.probabilities.__getitem__, default="")


class AnswerDraft(Value):
    """An answer before it has its place in the record.

    Args:
        sha256: of the media
        model: the registered model's name
        version: its number
        seal: the checksum of the version's files' checksums
        classes: the emotions that the version tells apart, in its order
        settings: what the client asked for
        finding: why there is no emotion; empty where there is one
        emotion: the likeliest; of a timeline, that of most time, see `timeline.summarise`
        unsure: the answer is "not sure"
        probabilities: by emotion; empty for a timeline, and where there is a finding
        windows: the rows of a timeline, in the order in which they were sent
        seconds: that the answer took, with the wait for a worker
        notice: whether the client said that the people in the clip were told; None where it did
            not say. It is the client's word: the service cannot know
    """

    sha256: str
    model: str
    version: str
    seal: str
    classes: tuple[str, ...]
    settings: AnswerSettings
    finding: str
    emotion: str
    unsure: bool
    probabilities: dict[str, float]
    windows: tuple[AnsweredWindow, ...] = ()
    seconds: float
    notice: bool | None


class RecordedAnswer(AnswerDraft):
    """A row of the record.

    Args:
        id: that the client got with the answer; it begins with the day of `retained_from`
        time: when it was answered, in UTC, as this machine's clock said
        retained_from: when its retention begins; later than `time` where the clock had gone back
    """

    id: str
    time: AwareDatetime
    retained_from: AwareDatetime

    @property
    def version_id(self) -> VersionId:
        """The version that answered."""
        return VersionId(self.model, self.version, self.seal)

    def to_columns(self) -> dict[str, object]:
        """Return the row as the Parquet file has it: probabilities in the order of `classes`."""
        columns = self.model_dump()
        columns["probabilities"] = self._in_order(self.probabilities)
        columns["windows"] = [
            window.model_dump() | {"probabilities": self._in_order(window.probabilities)}
            for window in self.windows
        ]
        return columns

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any]) -> Self:
        """Return the row that `to_columns` was called on."""

        def by_name(values: list[float]) -> dict[str, float]:
            return dict(zip(columns["classes"], values, strict=True)) if values else {}

        windows = [
            window | {"probabilities": by_name(window["probabilities"])}
            for window in columns["windows"]
        ]
        changed = {"probabilities": by_name(columns["probabilities"]), "windows": windows}
        return cls.model_validate(dict(columns) | changed)

    @classmethod
    def parquet_schema(cls) -> pa.Schema:
        """Return the types of `to_columns`."""
        import pyarrow as pa

        time, numbers = pa.timestamp("us", "UTC"), pa.list_(pa.float64())
        settings = pa.struct(
            {
                "kind": pa.string(),
                "window_s": pa.float64(),
                "hop_s": pa.float64(),
                "adapt": pa.bool_(),
                "adapted": pa.bool_(),
            }
        )
        window = pa.struct(
            {
                "start": pa.float64(),
                "end": pa.float64(),
                "track": pa.int64(),
                "finding": pa.string(),
                "unsure": pa.bool_(),
                "probabilities": numbers,
            }
        )
        return pa.schema(
            {
                "id": pa.string(),
                "time": time,
                "retained_from": time,
                "sha256": pa.string(),
                "model": pa.string(),
                "version": pa.string(),
                "seal": pa.string(),
                "classes": pa.list_(pa.string()),
                "settings": settings,
                "finding": pa.string(),
                "emotion": pa.string(),
                "unsure": pa.bool_(),
                "probabilities": numbers,
                "windows": pa.list_(window),
                "seconds": pa.float64(),
                "notice": pa.bool_(),
            }
        )

    def _in_order(self, probabilities: Mapping[str, float]) -> list[float]:
        return [probabilities[name] for name in self.classes] if probabilities else []


class Correction(Value):
    """What a person says the emotion is; of several for one answer, the last counts.

    Args:
        id: of this correction
        answer_id: what is corrected
        time: when it came, in UTC
        answer_time: `RecordedAnswer.time`, by which a correction goes when its answer goes
        retained_from: likewise
        emotion: one of the version's classes
        consent: the clip may be used for training
    """

    id: str
    answer_id: str
    time: AwareDatetime
    answer_time: AwareDatetime
    retained_from: AwareDatetime
    emotion: str
    consent: bool

    def to_columns(self) -> dict[str, object]:
        """Return the row as the Parquet file has it."""
        return self.model_dump()

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any]) -> Self:
        """Return the row that `to_columns` was called on."""
        return cls.model_validate(columns)

    @classmethod
    def parquet_schema(cls) -> pa.Schema:
        """Return the types of `to_columns`."""
        import pyarrow as pa

        time = pa.timestamp("us", "UTC")
        return pa.schema(
            {
                "id": pa.string(),
                "answer_id": pa.string(),
                "time": time,
                "answer_time": time,
                "retained_from": time,
                "emotion": pa.string(),
                "consent": pa.bool_(),
            }
        )


def is_expired(
    time: datetime, retained_from: datetime, *, now: datetime, retention: timedelta
) -> bool:
    """Return whether a row is older than the retention.

    Where the clock had gone back, `retained_from` is the later time that it had shown before: the
    row does not count as old once the clock is right again. Where that time is still to come, the
    clock had been ahead, and `time` counts.

    Args:
        time: of the answer
        retained_from: of the answer
        now: in UTC
        retention: how long a row is kept
    """
    start = retained_from if retained_from <= now else min(time, now)
    return start <= now - retention
