"""Features on disk: `NAME/actor=NN/part-0.parquet`, one row a performance; an actor is a speaker.

Each row carries the key that it was computed from, so that a rerun computes only what is new or
changed. A partition is written atomically when its actor is done, so that a killed run keeps every
finished actor. Arrays stand flattened in list columns; the shape of an array is in the column's
metadata (`shape`, with -1 for the axis that varies), its `FeatureSpec` in the schema's (`avemo`).
pandas, Ray Data and Spark read the folder as it is.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd

from .. import engine
from ..errors import CorpusError, MediaError, join_names
from ..io import atomic_write
from .arrays import Array, Arrays
from .media_errors import CatchMediaErrors
from .spec import FeatureSpec

__all__ = [
    "RowRef",
    "Target",
    "count_rows",
    "list_sources",
    "load_arrays",
    "load_row",
    "read",
    "read_spec",
    "require_few_findings",
    "row_key",
    "update",
]

_FILE = "part-0.parquet"
_TEXT = ("performance", "recording", "key", "finding", "reason")
_EMPTY = pd.DataFrame({name: pd.Series(dtype=str) for name in _TEXT})

SourceT = TypeVar("SourceT")


@dataclass(frozen=True)
class Target:
    """Where an extractor's features go.

    Args:
        folder: is made where it is missing
        spec: what they are computed by
        dtypes: the type of each array, by its name
    """

    folder: Path
    spec: FeatureSpec
    dtypes: Mapping[str, str]


class RowRef(NamedTuple):
    """A row of a store, as the source of another.

    Args:
        file: its partition
        performance: whose it is
    """

    file: Path
    performance: str


def row_key(sha256: str, spec: FeatureSpec) -> str:
    """Return the checksum of all that a row depends on: a recording's content and the extractor."""
    return hashlib.sha256(f"{sha256} {spec.to_json()}".encode()).hexdigest()


def update(
    targets: Mapping[str, Target],
    sources: pd.DataFrame,
    extract: Callable[[SourceT, Collection[str]], Mapping[str, Arrays | MediaError]],
    *,
    workers: int | None = None,
    cluster: str | None = None,
) -> dict[str, int]:
    """Bring features up to date with their sources; each file is read once for all extractors.

    Args:
        targets: by extractor
        sources: columns performance (unique), recording, actor, sha256, file; see `list_sources`
            where another store is the source
        extract: returns a file's features, by extractor, for the extractors named; a MediaError
            stands for the row's finding, and if it is raised, for that of all
        workers: see `engine.run`
        cluster: see `engine.run`

    Returns:
        how many rows were computed, by extractor
    """
    actors = {str(actor): rows for actor, rows in sources.groupby("actor")}
    for target in targets.values():
        _remove_leftovers(target.folder, keep={_partition_name(actor) for actor in actors})
    partitions = {
        actor: {name: _Partition(target, actor, rows) for name, target in targets.items()}
        for actor, rows in actors.items()
    }
    missing = {
        actor: [
            (row, names)
            for row in _list_rows(rows)
            if (names := _missing_extractors(row["performance"], partitions[actor]))
        ]
        for actor, rows in actors.items()
    }
    items = [(row["file"], names) for rows in missing.values() for row, names in rows]
    title = " and ".join(targets)
    results = engine.run(
        CatchMediaErrors(extract), items, title=title, workers=workers, cluster=cluster
    )
    for actor, by_extractor in partitions.items():
        computed = {row["performance"]: next(results) for row, _ in missing[actor]}
        for name, partition in by_extractor.items():
            partition.write(
                {key: result[name] for key, result in computed.items() if name in result}
            )
    return {name: sum(name in names for _, names in items) for name in targets}


def read(folder: Path, *names: str) -> pd.DataFrame:
    """Return every row: performance, recording, key, finding, reason, and arrays in their shapes.

    Args:
        names: the arrays that are read; by default all
    """
    partitions = [_read_partition(file, *names) for file in _files(folder)]
    return pd.concat(partitions, ignore_index=True) if partitions else _EMPTY


def list_sources(folder: Path) -> pd.DataFrame:
    """Return the rows without a finding, as sources of `update`; their `file` is a `RowRef`."""
    import pyarrow.parquet as parquet

    sources = []
    for file in _files(folder):
        rows = parquet.ParquetFile(file).read(list(_TEXT)).to_pandas().query("finding == ''")
        refs = [RowRef(file, str(performance)) for performance in rows["performance"]]
        actor = unquote(file.parent.name.partition("=")[2])
        sources.append(rows.assign(actor=actor, sha256=rows["key"], file=refs))
    columns = ["performance", "recording", "actor", "sha256", "file"]
    return pd.concat(sources)[columns] if sources else pd.DataFrame(columns=columns)


def load_row(ref: RowRef) -> Arrays:
    """Return the arrays of a row. A partition is read once for rows that are loaded in turn."""
    return _load_partition(ref.file, ref.file.stat().st_mtime_ns)[ref.performance]


@lru_cache(maxsize=1)
def _load_partition(file: Path, changed_ns: int) -> dict[str, Arrays]:
    table = _read_partition(file).set_index("performance").drop(columns=list(_TEXT[1:]))
    names = [str(name) for name in table]
    return {
        str(performance): dict(zip(names, arrays, strict=True))
        for performance, *arrays in table.itertuples()
    }


def read_spec(folder: Path) -> FeatureSpec | None:
    """Return what the features were computed by; None where there are none."""
    import pyarrow.parquet as parquet

    for file in _files(folder):
        return FeatureSpec.model_validate_json(parquet.read_schema(file).metadata[b"avemo"])
    return None


def count_rows(folder: Path) -> int:
    """Return the number of rows, without reading them."""
    import pyarrow.parquet as parquet

    return sum(parquet.read_metadata(file).num_rows for file in _files(folder))


def require_few_findings(folder: Path, max_set_aside: float) -> int:
    """Stop where too many performances have no features.

    Returns:
        the number of those that have none

    Raises:
        CorpusError: their share is above the limit
    """
    rows = _read_text(folder)
    failed = rows[rows["finding"].ne("")]
    if len(failed) > max_set_aside * len(rows):
        reasons = [f"{row.recording} ({row.reason})" for row in failed.itertuples()]
        raise CorpusError(
            f"{len(failed)} of {len(rows)} recordings have no {folder.name}, more than "
            f"catalogue.max_set_aside ({max_set_aside:.1%}): {join_names(reasons)}; "
            "mend or remove them, or raise the limit in params.yaml"
        )
    return len(failed)


def load_arrays(folder: Path, name: str) -> dict[str, Array]:
    """Return one array for each performance that has it."""
    rows = read(folder, name)
    if name not in rows:
        return {}
    usable = rows[rows["finding"].eq("")]
    return dict(zip(usable["performance"], usable[name], strict=True))


def _files(folder: Path) -> list[Path]:
    """Return the partitions of a store, by actor."""
    return sorted(folder.glob(f"actor=*/{_FILE}"))


def _read_text(folder: Path) -> pd.DataFrame:
    """Return every row, without the arrays."""
    import pyarrow.parquet as parquet

    tables = [parquet.ParquetFile(file).read(list(_TEXT)).to_pandas() for file in _files(folder)]
    return pd.concat(tables, ignore_index=True) if tables else _EMPTY


class _Partition:
    """One extractor's rows of one actor.

    Args:
        target: where the extractor's features go
        actor: its name
        sources: the actor's rows of `update`'s
    """

    def __init__(self, target: Target, actor: str, sources: pd.DataFrame) -> None:
        self._target = target
        self._file = target.folder / _partition_name(actor) / _FILE
        keys = [row_key(sha256, target.spec) for sha256 in sources["sha256"]]
        self._rows = sources.assign(key=keys)
        # only the index stays in memory; the file is read again to add to it
        stored = _index(_read_if_intact(self._file))
        self.missing = set(self._rows.loc[~_index(self._rows).isin(stored), "performance"])
        self._is_stale = len(stored) > len(self._rows) - len(self.missing)

    def write(self, results: Mapping[str, Arrays | MediaError]) -> None:
        """Add the rows that were missing, by performance, and drop those that lost their source."""
        if not results and not self._is_stale:
            return
        sources = _list_rows(self._rows[self._rows["performance"].isin(results)])
        computed = pd.DataFrame([_row(row, results[str(row["performance"])]) for row in sources])
        stored = _read_if_intact(self._file)
        stored = stored[_index(stored).isin(_index(self._rows))]
        rows = pd.concat([stored, computed], ignore_index=True).sort_values("performance")
        _write(self._file, rows, self._target)


def _list_rows(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _missing_extractors(performance: str, partitions: Mapping[str, _Partition]) -> list[str]:
    """Return the extractors that have no features of a performance."""
    return [name for name, partition in partitions.items() if performance in partition.missing]


def _partition_name(actor: str) -> str:
    """Return the name of an actor's folder, written as Hive does, so that any name is one."""
    return f"actor={quote(actor, safe='')}"


def _remove_leftovers(folder: Path, keep: Collection[str]) -> None:
    """Remove the partitions of other actors, and the temporary files of a killed run."""
    folder.mkdir(parents=True, exist_ok=True)
    for partition in folder.glob("actor=*"):
        if partition.name not in keep:
            shutil.rmtree(partition)
    for temporary in folder.glob("actor=*/.*.part"):
        temporary.unlink()


def _row(source: dict[str, Any], result: Arrays | MediaError) -> dict[str, Any]:
    row = {name: source.get(name, "") for name in _TEXT}
    if isinstance(result, MediaError):
        return row | {"finding": result.finding, "reason": str(result)}
    return row | result


def _index(rows: pd.DataFrame) -> pd.MultiIndex:
    """Return performances and keys: two recordings may have the same content."""
    return pd.MultiIndex.from_frame(rows[["performance", "key"]])


def _read_if_intact(file: Path) -> pd.DataFrame:
    """Return a partition's rows; none where the file is missing or damaged."""
    import pyarrow as pa

    try:
        return _read_partition(file)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return _EMPTY


def _read_partition(file: Path, *names: str) -> pd.DataFrame:
    import pyarrow.parquet as parquet

    opened = parquet.ParquetFile(file, page_checksum_verification=True)
    table = opened.read([*_TEXT, *names] if names else None)
    columns: dict[str, list[str] | list[Array | None]] = {
        name: table[name].to_pylist() for name in _TEXT
    }
    for field in table.schema:
        if field.name in _TEXT:
            continue
        shape = json.loads(field.metadata[b"shape"])
        rows = table[field.name].combine_chunks().to_numpy(zero_copy_only=False)
        columns[field.name] = [None if flat is None else flat.reshape(shape) for flat in rows]
    return pd.DataFrame(columns)


def _write(file: Path, rows: pd.DataFrame, target: Target) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    fields = [pa.field(name, pa.string()) for name in _TEXT]
    columns = [pa.array(rows[name].tolist(), pa.string()) for name in _TEXT]
    for name, dtype in target.dtypes.items():
        column = rows[name] if name in rows else [None] * len(rows)
        arrays = [value if isinstance(value, np.ndarray) else None for value in column]
        first = next((array for array in arrays if array is not None), None)
        # where no row of the partition has the array, the column exists all the same
        shape = [-1, *first.shape[1:]] if first is not None and first.ndim else []
        items = pa.list_(pa.from_numpy_dtype(np.dtype(dtype)))
        fields.append(pa.field(name, items, metadata={"shape": json.dumps(shape)}))
        flat = [None if array is None else np.ravel(array) for array in arrays]
        columns.append(pa.array(flat, items))
    schema = pa.schema(fields, metadata={"avemo": target.spec.to_json()})
    with atomic_write(file) as beside:
        parquet.write_table(
            pa.table(columns, schema), beside, compression="zstd", write_page_checksum=True
        )
