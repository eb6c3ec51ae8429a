"""CSV: a row each, which `pandas.read_csv` reads without options.

The notice is a column, because a comment line is data to most readers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from fractions import Fraction

from ...inference.timeline_row import TimelineRow
from .context import ExportContext

__all__ = ["chunks"]


def chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield the heading, then each row as it comes; times are in seconds, to the microsecond."""
    yield _line(
        [
            "file",
            "start",
            "end",
            "track",
            "emotion",
            "probability",
            "unsure",
            "emotions",
            *(f"p_{emotion}" for emotion in context.classes),
            "modality",
            "speaking",
            *(f"box_{side}" for side in ("left", "top", "right", "bottom")),
            "voiced",
            "finding",
            "reason",
            "adaptation",
            "window_start",
            "window_end",
            "model",
            "purpose",
            "notice",
        ]
    )
    for row in rows:
        yield _line(
            [
                context.file,
                _seconds(row.span.start),
                _seconds(row.span.end),
                row.track,
                row.emotion,
                row.probability,
                row.unsure,
                " ".join(row.emotions),
                *(row.probabilities.get(emotion) for emotion in context.classes),
                row.modality,
                row.speaking,
                *(row.box or (None,) * 4),
                row.voiced,
                row.finding,
                row.reason,
                row.adaptation,
                _seconds(row.window.start),
                _seconds(row.window.end),
                context.model,
                context.purpose,
                context.notice,
            ]
        )


def _seconds(moment: Fraction) -> str:
    return f"{round(moment * 1_000_000) / 1_000_000:.6f}"


def _line(values: list[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(values)  # with \r\n at its end: either is quoted inside a value
    return text.getvalue().encode(errors="backslashreplace")
