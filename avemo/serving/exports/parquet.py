"""Parquet with audformat's segmented index: the levels file, start and end.

`audformat` reads it as a table of segments, pandas as a frame with that index.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ...inference.timeline_row import TimelineRow
from .context import ExportContext

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METADATA", "chunks"]

#: in the schema's metadata: the context as JSON
METADATA = b"avemo"


def chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield the file at once; times are in nanoseconds."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    table = pa.Table.from_pandas(_frame(list(rows), context))
    header = {METADATA: json.dumps(context.header()), b"notice": context.notice}
    buffer = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({**table.schema.metadata, **header}), buffer)
    yield buffer.getvalue()


def _frame(rows: list[TimelineRow], context: ExportContext) -> pd.DataFrame:
    import pandas as pd

    def times(moments: Iterable[Fraction]) -> pd.Series[pd.Timedelta]:
        nanoseconds = [round(moment * 1_000_000_000) for moment in moments]
        return pd.Series(pd.to_timedelta(nanoseconds, unit="ns"))

    index = pd.MultiIndex.from_arrays(
        [
            pd.Series([context.file] * len(rows), dtype="string"),
            times(row.span.start for row in rows),
            times(row.span.end for row in rows),
        ],
        names=["file", "start", "end"],
    )
    columns = {
        "track": pd.array([row.track for row in rows], dtype="Int64"),
        "emotion": pd.array([row.emotion for row in rows], dtype="string"),
        "probability": pd.array([row.probability for row in rows], dtype="float64"),
        "unsure": [row.unsure for row in rows],
        "emotions": [list(row.emotions) for row in rows],
    }
    for emotion in context.classes:
        values = [row.probabilities.get(emotion) for row in rows]
        columns[f"p_{emotion}"] = pd.array(values, dtype="float64")
    columns |= {
        "modality": pd.array([row.modality for row in rows], dtype="string"),
        "speaking": pd.array([row.speaking for row in rows], dtype="boolean"),
        "box": [None if row.box is None else list(row.box) for row in rows],
        "voiced": pd.array([row.voiced for row in rows], dtype="float64"),
        "finding": pd.array([row.finding for row in rows], dtype="string"),
        "reason": pd.array([row.reason for row in rows], dtype="string"),
        "adaptation": pd.array([row.adaptation for row in rows], dtype="string"),
        "window_start": times(row.window.start for row in rows).array,
        "window_end": times(row.window.end for row in rows).array,
        "model": pd.array([context.model] * len(rows), dtype="string"),
    }
    return pd.DataFrame(columns, index=index)
