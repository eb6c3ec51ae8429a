"""A row a clip, as CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...inference.evidence import COLUMNS, Evidence
from ...io import atomic_write
from ..notice import NOTICE
from .predict import BatchRow
from .task import Item

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AnsweredClip", "parquet_table", "table_columns", "write_csv", "write_parquet"]

AnsweredClip = tuple[Item, BatchRow]
#: a value of a cell
Cell = str | float | bool | list[str] | None

#: of columns that hold no text
_DTYPES = {
    "probability": "float64",
    "unsure": "bool",
    "emotions": "object",
    "synthetic": "bool",
    "loudness_dbfs": "float64",
    "face_px": "float64",
}
_DTYPES_OF_TYPES = {str: "string", float: "float64", int: "int64"}


def table_columns(clips: Sequence[AnsweredClip]) -> dict[str, list[Cell]]:
    """Return the columns of a table with a row for each clip, without the notice."""
    predictions = [row.prediction for _, row in clips]
    classes = dict.fromkeys(name for prediction in predictions for name in prediction.classes)
    columns: dict[str, list[Cell]] = {
        "file": [_escape(item.clip.file) for item, _ in clips],
        "speaker": [item.clip.speaker for item, _ in clips],
        "emotion": [prediction.emotion for prediction in predictions],
        "probability": [
            next(iter(prediction.probabilities.values()), None) for prediction in predictions
        ],
        "unsure": [prediction.unsure for prediction in predictions],
        "emotions": [list(prediction.emotions) for prediction in predictions],
    }
    for emotion in classes:
        columns[f"p_{emotion}"] = [
            prediction.probabilities.get(emotion) for prediction in predictions
        ]
    return columns | {
        "finding": [prediction.finding for prediction in predictions],
        "reason": [_escape(prediction.reason) for prediction in predictions],
        **_evidence_columns([prediction.evidence for prediction in predictions]),
        "adaptation": [prediction.adaptation for prediction in predictions],
        "synthetic": [prediction.synthetic for prediction in predictions],
        "model": [row.version.name for _, row in clips],
        "version": [row.version.number for _, row in clips],
        "seal": [row.version.seal for _, row in clips],
        "sha256": [item.sha256 for item, _ in clips],
    }


def _escape(text: str) -> str:
    """Return a text in which names that are no UTF-8 can be written."""
    return text.encode(errors="backslashreplace").decode()


def _evidence_columns(evidence: Sequence[Evidence]) -> dict[str, list[Cell]]:
    rows = [own.to_columns() for own in evidence]
    return {name: [row[name] for row in rows] for name in COLUMNS}


def write_csv(clips: Sequence[AnsweredClip], target: Path) -> None:
    """Write a table that `pandas.read_csv` reads without options; the notice is a column.

    The file appears whole or not at all.
    """
    columns = table_columns(clips) | {"notice": [NOTICE] * len(clips)}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for values in zip(*columns.values(), strict=True):
        writer.writerow(" ".join(v) if isinstance(v, list) else v for v in values)
    with atomic_write(target) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def write_parquet(clips: Sequence[AnsweredClip], target: Path) -> None:
    """Write a table with audformat's filewise index; the notice is in the schema's metadata.

    The file appears whole or not at all.
    """
    import pyarrow.parquet as parquet

    table = parquet_table(clips)
    with atomic_write(target) as temporary:
        parquet.write_table(table, temporary)


def parquet_table(clips: Sequence[AnsweredClip], **further: Sequence[Cell]) -> pa.Table:
    """Return what `write_parquet` writes.

    Args:
        clips: a row each
        further: columns of numbers, or of text
    """
    import pandas as pd
    import pyarrow as pa

    columns = table_columns(clips) | {name: list(values) for name, values in further.items()}
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype=_dtype(name)) for name, values in columns.items()}
    ).set_index("file")
    table = pa.Table.from_pandas(frame)
    emotions = table.schema.get_field_index("emotions")
    strings = pa.array(columns["emotions"], pa.list_(pa.string()))  # also where all are empty
    table = table.set_column(emotions, "emotions", strings)
    return table.replace_schema_metadata({**table.schema.metadata, b"notice": NOTICE})


def _dtype(column: str) -> str:
    if column.startswith("p_"):
        return "float64"
    if column in COLUMNS:
        return _DTYPES_OF_TYPES[COLUMNS[column]]
    return _DTYPES.get(column, "string")
