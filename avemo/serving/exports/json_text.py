"""JSON, as one document or as a line each (NDJSON); rows are those of `TimelineRow.to_dict`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from ...inference.timeline_row import TimelineRow
from .context import ExportContext

__all__ = ["document_chunks", "line_chunks"]


def document_chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield one object: the context's fields, and `rows`."""
    yield _encode(context.header() | {"rows": [row.to_dict() for row in rows]}, indent=1)


def line_chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield a line with the context's fields, then a line for each row as it comes."""
    yield _encode(context.header())
    for row in rows:
        yield _encode(row.to_dict())


def _encode(fields: Mapping[str, object], indent: int | None = None) -> bytes:
    text = json.dumps(fields, ensure_ascii=False, indent=indent, allow_nan=False)
    return f"{text}\n".encode(errors="backslashreplace")
