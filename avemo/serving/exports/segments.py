"""Stretches of a track in which the answer stays the same, for formats that hold labels alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from ...inference.timeline_row import TimelineRow
from ...media.span import Span

__all__ = ["UNSURE", "Segment", "join_equal", "join_neighbours", "to_milliseconds", "track_name"]

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
    return {
        track_name(track): join_neighbours(
            Segment(row.span, _label(row))
            for row in sorted(tracks[track], key=lambda row: row.span)
            if row.span
        )
        for track in order
    }


def join_neighbours(segments: Iterable[Segment]) -> list[Segment]:
    """Return segments of which neighbours with the same label are one.

    Args:
        segments: in time
    """
    joined: list[Segment] = []
    for segment in segments:
        last = joined[-1] if joined else None
        if last and last.label == segment.label and last.span.end == segment.span.start:
            joined[-1] = replace(last, span=last.span | segment.span)
        else:
            joined.append(segment)
    return joined


def _label(row: TimelineRow) -> str:
    if row.finding:
        return ""
    return UNSURE if row.unsure else row.emotion
