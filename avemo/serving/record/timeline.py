"""A timeline as it is recorded, and what it says of the clip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .rows import AnsweredWindow

__all__ = ["Row", "TimelineSummary", "read_window", "summarise"]

#: as `inference.TimelineRow.to_dict` has it
Row = Mapping[str, Any]


@dataclass(frozen=True)
class TimelineSummary:
    """What a timeline says of its clip; the page says the same.

    Args:
        emotion: that of most time; empty where there is a finding, or all is "not sure"
        finding: of the first row without a prediction, where no row has one
        unsure: all that is answered is "not sure"
    """

    emotion: str
    finding: str
    unsure: bool


def read_window(row: Row) -> AnsweredWindow:
    """Return what is recorded of a row."""
    return AnsweredWindow(
        start=row["start"],
        end=row["end"],
        track=row["track"],
        finding=row["finding"],
        unsure=row["unsure"],
        probabilities=row["probabilities"],
    )


def summarise(windows: Sequence[AnsweredWindow]) -> TimelineSummary:
    """Return what a timeline says of its clip: of the track that is answered most, most of it."""
    by_track: dict[int | None, list[AnsweredWindow]] = defaultdict(list)
    for window in windows:
        if window.probabilities:
            by_track[window.track].append(window)
    if not by_track:
        findings = (window.finding for window in windows if window.finding)
        return TimelineSummary("", next(findings, ""), unsure=False)
    seconds: dict[str, float] = defaultdict(float)
    for window in max(by_track.values(), key=_length):
        if not window.unsure:
            seconds[window.emotion] += window.end - window.start
    emotion = max(seconds, key=seconds.__getitem__, default="")
    return TimelineSummary(emotion, "", unsure=not emotion)


def _length(windows: Sequence[AnsweredWindow]) -> float:
    return sum(window.end - window.start for window in windows)
