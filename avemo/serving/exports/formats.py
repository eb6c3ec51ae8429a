"""The table of export formats, and how one is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import SettingsError
from ...inference.timeline_row import TimelineRow
from ...io import atomic_write
from . import csv_table, elan, json_text, parquet, praat, vtt
from .context import ExportContext

__all__ = ["FORMATS", "Format", "export_chunks", "find_format", "write_timeline"]


@dataclass(frozen=True)
class Format:
    """One way to write a timeline.

    Args:
        name: as a user names it
        suffix: of a file's name
        media_type: as HTTP names it
        opens_in: what reads it
        chunks: yields the content from rows and their context
        streams: a row's part of the content comes as soon as the row does
    """

    name: str
    suffix: str
    media_type: str
    opens_in: str
    chunks: Callable[[Iterable[TimelineRow], ExportContext], Iterator[bytes]]
    streams: bool = False


#: by name
FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("csv", ".csv", "text/csv", "pandas, R, spreadsheets", csv_table.chunks, True),
        Format(
            "parquet",
            ".parquet",
            "application/vnd.apache.parquet",
            "audformat, pandas, Spark",
            parquet.chunks,
        ),
        Format("ndjson", ".ndjson", "application/x-ndjson", "jq", json_text.line_chunks, True),
        Format("json", ".json", "application/json", "any program", json_text.document_chunks),
        Format("vtt", ".vtt", "text/vtt", "a page's metadata track", vtt.metadata_chunks, True),
        Format("chapters", ".chapters.vtt", "text/vtt", "video players", vtt.chapter_chunks),
        Format("elan", ".eaf", "application/xml", "ELAN", elan.chunks),
        Format("textgrid", ".TextGrid", "text/plain", "Praat", praat.chunks),
    )
}


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        SettingsError: there is none
    """
    if name not in FORMATS:
        raise SettingsError(f"{name!r} is no format of a timeline: choose {', '.join(FORMATS)}")
    return FORMATS[name]


def export_chunks(
    rows: Iterable[TimelineRow], format: str, *, context: ExportContext
) -> Iterator[bytes]:
    """Yield the content of an export, from a format that streams with each row that comes.

    Raises:
        SettingsError: there is no such format
    """
    return find_format(format).chunks(rows, context)


def write_timeline(
    rows: Iterable[TimelineRow], format: str, target: Path, *, context: ExportContext
) -> None:
    """Write a timeline; the file appears whole or not at all.

    Args:
        rows: of one clip
        format: a name in `FORMATS`
        target: the file; one that is there is replaced
        context: what the export says beside its rows

    Raises:
        SettingsError: there is no such format
    """
    chunks = export_chunks(sorted(rows, key=_place), format, context=context)
    with atomic_write(target) as temporary, temporary.open("wb") as file:
        file.writelines(chunks)


def _place(row: TimelineRow) -> tuple[object, ...]:
    return row.span, -1 if row.track is None else row.track
