"""WebVTT twice: `metadata` cues that hold JSON for programs, and `chapters` for players."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise

from ...inference.timeline_row import TimelineRow
from ...media.span import Span
from .context import ExportContext
from .segments import Segment, join_equal, join_neighbours, to_milliseconds

__all__ = ["chapter_chunks", "metadata_chunks"]


def metadata_chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield a cue for each row as it comes; its text is the row as JSON."""
    yield from _head("metadata", context)
    for row in rows:
        fields = json.dumps(row.to_dict(), ensure_ascii=False, allow_nan=False)
        # `-->` inside a cue would end it; in JSON it can only stand in a string
        yield from _cue(row.span, fields.replace("-->", "--\\u003e"))


def chapter_chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield a chapter for each stretch with the same emotions; gaps have none.

    With several tracks, a chapter names the emotion of each, so that chapters do not overlap.
    """
    yield from _head("chapters", context)
    for chapter in _chapters(join_equal(rows)):
        text = chapter.label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        yield from _cue(chapter.span, text)


def _head(kind: str, context: ExportContext) -> Iterator[bytes]:
    """Yield the signature and a note; a browser shows neither."""
    note = "\n".join(context.sentences())
    yield f"WEBVTT {kind}\n\nNOTE\n{note}\n".encode()


def _cue(span: Span, text: str) -> Iterator[bytes]:
    start, end = to_milliseconds(span.start), to_milliseconds(span.end)
    if start < end:  # one without duration is refused by a parser
        content = f"\n{_stamp(start)} --> {_stamp(end)}\n{text}\n"
        yield content.encode(errors="backslashreplace")


def _stamp(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"


def _chapters(tracks: Mapping[str, list[Segment]]) -> Iterator[Segment]:
    if len(tracks) > 1:
        chapters = join_neighbours(_titles(tracks))
    else:
        chapters = [segment for segments in tracks.values() for segment in segments]
    return (chapter for chapter in chapters if chapter.label)


def _titles(tracks: Mapping[str, list[Segment]]) -> Iterator[Segment]:
    """Yield each stretch between two borders of any track, and what all tracks say in it."""
    borders: dict[Fraction, dict[str, str]] = {}
    for name, segments in tracks.items():
        for segment in segments:
            borders.setdefault(segment.span.end, {}).setdefault(name, "")
        for segment in segments:  # a segment that begins where another ends has the last word
            borders.setdefault(segment.span.start, {})[name] = segment.label
    labels = dict.fromkeys(tracks, "")
    moments = sorted(borders)
    for start, end in pairwise(moments):
        labels |= borders[start]
        title = ", ".join(f"{name}: {label}" for name, label in labels.items() if label)
        yield Segment(Span(start, end), title)
