"""Praat's TextGrid: an interval tier a track; gaps are empty intervals."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...inference.timeline_row import TimelineRow
from .context import ExportContext
from .segments import Segment, join_equal

__all__ = ["NOTICE_TIER", "chunks"]

#: a tier whose only interval holds the notice, because the format has no place for comments
NOTICE_TIER = "notice"


def chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield the file at once; times are in seconds, to the millisecond."""
    from pympi import TextGrid

    tracks = join_equal(rows)
    # Praat refuses a file without duration
    duration = max([1, *map(_end, tracks.values())]) / 1000
    grid = TextGrid(xmin=0.0, xmax=duration)
    for name, segments in tracks.items():
        tier = grid.add_tier(name)
        for segment in segments:
            start, end = segment.milliseconds
            if segment.label and start < end:
                tier.add_interval(start / 1000, end / 1000, segment.label, check=False)
    notice = grid.add_tier(NOTICE_TIER)
    notice.add_interval(0.0, duration, " ".join(context.sentences()))
    with tempfile.TemporaryDirectory() as folder:  # pympi writes to paths alone
        file = Path(folder, "timeline.TextGrid")
        grid.to_file(file)
        yield file.read_bytes()


def _end(segments: list[Segment]) -> int:
    return max((segment.milliseconds[1] for segment in segments), default=0)
