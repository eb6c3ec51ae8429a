"""Features on disk: `NAME/actor=NN/part-0.parquet`, one row a performance.

Each row carries the key that it was computed from, so that a rerun computes only what is new or
changed; a partition is written whole when its actor is done, so that a killed run keeps every
finished actor. Arrays stand flattened in list columns; the shape of one is in the column's metadata
(`shape`, with -1 for the axis that varies).
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from .. import engine
from ..errors import CorpusError, MediaError, ten
from ..files import whole

__all__ = [
    "Array",
    "Arrays",
    "Description",
    "arrays",
    "check",
    "count",
    "describe",
    "description",
    "key",
    "read",
    "update",
]

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
Description = dict[str, Any]

_FILE = "part-0.parquet"
_TEXT = ("performance", "recording", "key", "finding", "reason")
_EMPTY = pd.DataFrame({name: pd.Series(dtype=str) for name in _TEXT})


def key(sha256: str, description: Description) -> str:
    """What a row was computed from: a recording's content, the extractor and its settings."""
    return hashlib.sha256(f"{sha256} {_text(description)}".encode()).hexdigest()


def describe(extractor: Any, settings: BaseModel, **more: str) -> Description:
    """What features are and were made with.

    Args:
        extractor: the module
        settings: its settings
        more: what else the result depends on, such as the detector that was at hand
    """
    name = extractor.__name__.rpartition(".")[2]
    fields = settings.model_dump(mode="json") | more
    return {"extractor": name, "version": extractor.VERSION, "settings": fields}


def update(
    folder: Path,
    sources: pd.DataFrame,
    compute: Callable[[Path], Arrays],
    description: Description,
    *,
    workers: int | None = None,
) -> tuple[int, int]:
    """Bring a folder of features up to date with its sources.

    Args:
        folder: one extractor's features
        sources: columns performance, recording, actor, sha256, file
        compute: a file's features, or MediaError, which becomes the row's finding
        description: see `describe`
        workers: see `engine.run`

    Returns:
        how many rows were computed, and how many were there already
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = sources.assign(key=[key(sha256, description) for sha256 in sources["sha256"]])
    actors = {f"actor={actor:02d}": rows for actor, rows in sources.groupby("actor")}
    for stale in folder.glob("actor=*"):
        if stale.name not in actors:
            shutil.rmtree(stale)
    for left in folder.glob("actor=*/.*.part"):  # by a run that was killed
        left.unlink()
    # of what is there only the index stays in memory; a partition is read again to add to it
    there = {name: _index(_read_whole(folder / name / _FILE)) for name in actors}
    new = {name: rows[~_index(rows).isin(there[name])] for name, rows in actors.items()}
    files = [file for rows in new.values() for file in rows["file"]]
    results = engine.run(_Computed(compute), files, title=folder.name, workers=workers)
    for name, rows in actors.items():
        if new[name].empty and len(there[name]) == len(rows):
            continue
        made = pd.DataFrame([_row(row, next(results)) for row in new[name].to_dict("records")])
        old = _read_whole(folder / name / _FILE)
        old = old[_index(old).isin(_index(rows))]
        table = pd.concat([old, made], ignore_index=True).sort_values("performance")
        _write(folder / name / _FILE, table, description)
    return len(files), len(sources) - len(files)


def read(folder: Path) -> pd.DataFrame:
    """Every row: performance, recording, key, finding, reason, and the arrays in their shapes."""
    partitions = [_read(file) for file in sorted(folder.glob(f"actor=*/{_FILE}"))]
    return pd.concat(partitions, ignore_index=True) if partitions else _EMPTY


def description(folder: Path) -> Description | None:
    """What `describe` gave when the features were written; None where there are none."""
    import pyarrow.parquet as parquet

    for file in folder.glob(f"actor=*/{_FILE}"):
        found: Description = json.loads(parquet.read_schema(file).metadata[b"avemo"])
        return found
    return None


def count(folder: Path) -> int:
    """How many rows there are, without reading them."""
    import pyarrow.parquet as parquet

    files = folder.glob(f"actor=*/{_FILE}")
    return sum(parquet.read_metadata(file).num_rows for file in files)


def check(folder: Path, max_set_aside: float) -> int:
    """Stop where too many performances have no features.

    Returns:
        how many have none

    Raises:
        CorpusError: their share is above the limit
    """
    table = read(folder)
    aside = table[table["finding"].ne("")]
    if len(aside) > max_set_aside * len(table):
        reasons = [f"{row.recording} ({row.reason})" for row in aside.itertuples()]
        raise CorpusError(
            f"{len(aside)} of {len(table)} recordings have no {folder.name}, more than "
            f"catalogue.max_set_aside ({max_set_aside:.1%}): {ten(reasons)}; mend or remove them, "
            "or raise the limit in params.yaml"
        )
    return len(aside)


def arrays(folder: Path, name: str) -> dict[str, Array]:
    """One array for each performance that has it."""
    table = read(folder)
    if name not in table:
        return {}
    found = table[table["finding"].eq("")]
    return dict(zip(found["performance"], found[name], strict=True))


class _Computed:
    """`compute`, with a recording's own trouble as a result rather than the end of the run."""

    def __init__(self, compute: Callable[[Path], Arrays]) -> None:
        self.compute = compute

    def __call__(self, file: Path) -> Arrays | MediaError:
        try:
            return self.compute(file)
        except MediaError as error:
            return error


def _row(source: dict[Any, Any], result: Arrays | MediaError) -> dict[str, Any]:
    row = {name: source.get(name, "") for name in _TEXT}
    if isinstance(result, MediaError):
        return row | {"finding": result.finding, "reason": str(result)}
    return row | result


def _index(rows: pd.DataFrame) -> pd.MultiIndex:
    """What a row is of, and what it was computed from: two recordings may have one content."""
    return pd.MultiIndex.from_frame(rows[["performance", "key"]])


def _read_whole(file: Path) -> pd.DataFrame:
    """A partition's rows; none where it is missing or damaged."""
    import pyarrow as pa

    try:
        return _read(file)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return _EMPTY


def _read(file: Path) -> pd.DataFrame:
    import pyarrow.parquet as parquet

    table = parquet.ParquetFile(file).read()
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in _TEXT}
    for field in table.schema:
        if field.name in _TEXT:
            continue
        shape = json.loads(field.metadata[b"shape"])
        lists = table[field.name].combine_chunks().to_numpy(zero_copy_only=False)
        columns[field.name] = [None if one is None else one.reshape(shape) for one in lists]
    return pd.DataFrame(columns)


def _write(file: Path, table: pd.DataFrame, description: Description) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    fields = [pa.field(name, pa.string()) for name in _TEXT]
    columns = [pa.array(table[name].tolist(), pa.string()) for name in _TEXT]
    for name in sorted(table.columns.difference(list(_TEXT))):
        values = [value if isinstance(value, np.ndarray) else None for value in table[name]]
        first = next((value for value in values if value is not None), None)
        if first is None:
            continue
        kind = pa.list_(pa.from_numpy_dtype(first.dtype))
        shape = json.dumps([-1, *first.shape[1:]] if first.ndim else [])
        fields.append(pa.field(name, kind, metadata={"shape": shape}))
        flat = [None if value is None else np.ravel(value) for value in values]
        columns.append(pa.array(flat, kind))
    schema = pa.schema(fields, metadata={"avemo": _text(description)})
    with whole(file) as beside:
        parquet.write_table(pa.table(columns, schema), beside, compression="zstd")


def _text(description: Description) -> str:
    return json.dumps(description, sort_keys=True)
