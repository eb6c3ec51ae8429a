"""Stretches of a track in which the answer stays the same, for formats that hold labels alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from ...inference.timeline_row import TimelineRow
from ...media.span import Span

__all__ = ["UNSURE", "Segment", "join_equal", "to_milliseconds", "track_name"]

#: the label of a row that is less certain than the model's threshold
UNSURE = "not sure"


@dataclass(frozen=True)
class Segment:
    """A stretch of a track with one label.

    Args:
        span: from when to when
        label: an emotion, `not sure`, or nothing for a gap
    """

    span: Span
    label: str

    @property
    def milliseconds(self) -> tuple[int, int]:
        """Start and end, each the nearest whole millisecond."""
        return to_milliseconds(self.span.start), to_milliseconds(self.span.end)


def to_milliseconds(moment: Fraction) -> int:
    """Return the nearest whole millisecond; what is not before a moment never comes before it."""
    return round(moment * 1000)


def track_name(track: int | None) -> str:
    """Return `track 0`; `sound` where there is no face."""
    return "sound" if track is None else f"track {track}"


def join_equal(rows: Iterable[TimelineRow]) -> dict[str, list[Segment]]:
    """Return the segments of each track in time; neighbours with the same label are one.

    Args:
        rows: in any order

    Returns:
        by the track's name; sound alone comes first, then the faces by number
    """
    tracks: dict[int | None, list[TimelineRow]] = {}
    for row in rows:
        tracks.setdefault(row.track, []).append(row)
    order = sorted(tracks, key=lambda track: -1 if track is None else track)
    return {track_name(track): _join(tracks[track]) for track in order}


def _join(rows: list[TimelineRow]) -> list[Segment]:
    segments: list[Segment] = []
    for row in sorted(rows, key=lambda row: row.span):
        last, label = segments[-1] if segments else None, _label(row)
        if last and last.label == label and last.span.end == row.span.start:
            segments[-1] = replace(last, span=last.span | row.span)
        elif row.span:
            segments.append(Segment(row.span, label))
    return segments


def _label(row: TimelineRow) -> str:
    if row.finding:
        return ""
    return UNSURE if row.unsure else row.emotion
