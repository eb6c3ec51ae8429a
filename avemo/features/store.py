"""Features on disk: `NAME/actor=NN/part-0.parquet`, one row a performance.

Each row carries the key that it was computed from, so that a rerun computes only what is new or
changed; a partition is written whole when its actor is done, so that a killed run keeps every
finished actor. Arrays stand flattened in list columns; the shape of one is in the column's metadata
(`shape`, with -1 for the axis that varies), the extractor's settings are in the schema's (`avemo`).
pandas, Ray Data and Spark read the folder as it is.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel

from .. import engine
from ..errors import CorpusError, MediaError, join_names
from ..io import atomic_write
from .media_errors import Guarded

__all__ = [
    "Array",
    "Arrays",
    "Description",
    "Row",
    "Target",
    "arrays",
    "check",
    "count",
    "description",
    "key",
    "read",
    "row",
    "sources",
    "target",
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


@dataclass(frozen=True)
class Target:
    """Where one extractor's features go.

    Args:
        folder: is made where it is missing
        description: what they are and were made with: extractor, version, settings
        arrays: the type of each array, by its name
    """

    folder: Path
    description: Description
    arrays: Mapping[str, str]


class Row(NamedTuple):
    """A row of a store, as the source of another.

    Args:
        file: its partition
        performance: whose it is
    """

    file: Path
    performance: str


def target(
    folder: Path,
    name: str,
    extractor: Any,
    settings: BaseModel,
    made_from: Mapping[str, Any] | None = None,
    **more: str,
) -> Target:
    """An extractor's features.

    Args:
        folder: where they go
        name: the extractor's
        extractor: the module
        settings: its settings
        made_from: what else describes the result, such as the description of the faces it is of
        more: what else the result depends on, such as the detector that was at hand; it stands
            among the settings
    """
    fields = settings.model_dump(mode="json") | more
    described = {"extractor": name, "version": extractor.VERSION, "settings": fields}
    return Target(folder, {**(made_from or {}), **described}, extractor.ARRAYS)


def update(
    targets: Mapping[str, Target],
    sources: pd.DataFrame,
    extract: Callable[[Any, Collection[str]], Mapping[str, Arrays | MediaError]],
    *,
    workers: int | None = None,
    cluster: str | None = None,
) -> dict[str, int]:
    """Bring features up to date with their sources; each file is read once for all that want it.

    Args:
        targets: by extractor
        sources: columns performance (no two alike), recording, actor, sha256, file; see `sources`
            for what another store is the source of
        extract: a file's features, by extractor, for those that are asked for; a MediaError is the
            row's finding, and one that is raised is that of all
        workers: see `engine.run`
        cluster: see `engine.run`

    Returns:
        how many rows were computed, by extractor
    """
    actors = {int(str(actor)): rows for actor, rows in sources.groupby("actor")}
    for one in targets.values():
        _clean(one.folder, keep={_partition(actor) for actor in actors})
    partitions = {
        actor: {name: _Partition(one, actor, rows) for name, one in targets.items()}
        for actor, rows in actors.items()
    }
    lacking = {
        actor: [(row, names) for row in rows.to_dict("records") if (names := _lacking(row, found))]
        for (actor, rows), found in zip(actors.items(), partitions.values(), strict=True)
    }
    items = [(row["file"], names) for rows in lacking.values() for row, names in rows]
    title = " and ".join(targets)
    results = engine.run(Guarded(extract), items, title=title, workers=workers, cluster=cluster)
    for actor, found in partitions.items():
        new = {row["performance"]: next(results) for row, _ in lacking[actor]}
        for name, partition in found.items():
            partition.write({key: result[name] for key, result in new.items() if name in result})
    return {name: sum(name in names for _, names in items) for name in targets}


def read(folder: Path, *names: str) -> pd.DataFrame:
    """Every row: performance, recording, key, finding, reason, and the arrays in their shapes.

    Args:
        names: the arrays that are read; by default all
    """
    partitions = [_read(file, *names) for file in sorted(folder.glob(f"actor=*/{_FILE}"))]
    return pd.concat(partitions, ignore_index=True) if partitions else _EMPTY


def sources(folder: Path) -> pd.DataFrame:
    """The rows that have no finding, as `update` takes them; their `file` is a `Row`."""
    import pyarrow.parquet as parquet

    found = []
    for file in sorted(folder.glob(f"actor=*/{_FILE}")):
        rows = parquet.ParquetFile(file).read(list(_TEXT)).to_pandas().query("finding == ''")
        places = [Row(file, str(performance)) for performance in rows["performance"]]
        actor = int(file.parent.name.partition("=")[2])
        found.append(rows.assign(actor=actor, sha256=rows["key"], file=places))
    columns = ["performance", "recording", "actor", "sha256", "file"]
    return pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)


def row(one: Row) -> Arrays:
    """The arrays of a row. Rows of a partition, asked for in turn, cost reading it once."""
    return _rows(one.file, one.file.stat().st_mtime_ns)[one.performance]


@lru_cache(maxsize=1)
def _rows(file: Path, changed_ns: int) -> dict[str, Arrays]:
    table = _read(file).set_index("performance").drop(columns=list(_TEXT[1:]))
    names = [str(name) for name in table]
    return {str(whose): dict(zip(names, one, strict=True)) for whose, *one in table.itertuples()}


def description(folder: Path) -> Description | None:
    """What `target` described when the features were written; None where there are none."""
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
    table = _texts(folder)
    aside = table[table["finding"].ne("")]
    if len(aside) > max_set_aside * len(table):
        reasons = [f"{row.recording} ({row.reason})" for row in aside.itertuples()]
        raise CorpusError(
            f"{len(aside)} of {len(table)} recordings have no {folder.name}, more than "
            f"catalogue.max_set_aside ({max_set_aside:.1%}): {join_names(reasons)}; "
            "mend or remove them, or raise the limit in params.yaml"
        )
    return len(aside)


def _texts(folder: Path) -> pd.DataFrame:
    """Every row, without the arrays."""
    import pyarrow.parquet as parquet

    files = sorted(folder.glob(f"actor=*/{_FILE}"))
    tables = [parquet.ParquetFile(file).read(list(_TEXT)).to_pandas() for file in files]
    return pd.concat(tables, ignore_index=True) if tables else _EMPTY


def arrays(folder: Path, name: str) -> dict[str, Array]:
    """One array for each performance that has it."""
    table = read(folder, name)
    if name not in table:
        return {}
    found = table[table["finding"].eq("")]
    return dict(zip(found["performance"], found[name], strict=True))


class _Partition:
    """One extractor's rows of one actor.

    Args:
        target: whose
        actor: whom
        sources: the actor's rows of `update`'s
    """

    def __init__(self, target: Target, actor: int, sources: pd.DataFrame) -> None:
        self._target = target
        self._file = target.folder / _partition(actor) / _FILE
        keys = [key(sha256, target.description) for sha256 in sources["sha256"]]
        self._rows = sources.assign(key=keys)
        # only the index stays in memory; the file is read again to add to it
        there = _index(_read_whole(self._file))
        self.lacking = set(self._rows.loc[~_index(self._rows).isin(there), "performance"])
        self._stale = len(there) > len(self._rows) - len(self.lacking)

    def write(self, results: Mapping[str, Arrays | MediaError]) -> None:
        """Add what was lacking, by performance, and drop what is of no source any more."""
        if not results and not self._stale:
            return
        rows = self._rows[self._rows["performance"].isin(results)].to_dict("records")
        made = pd.DataFrame([_row(row, results[row["performance"]]) for row in rows])
        old = _read_whole(self._file)
        old = old[_index(old).isin(_index(self._rows))]
        table = pd.concat([old, made], ignore_index=True).sort_values("performance")
        _write(self._file, table, self._target)


def _lacking(row: dict[Any, Any], partitions: Mapping[str, _Partition]) -> list[str]:
    """The extractors that have no features of a source."""
    return [name for name, one in partitions.items() if row["performance"] in one.lacking]


def _partition(actor: int) -> str:
    return f"actor={actor:02d}"


def _clean(folder: Path, keep: Collection[str]) -> None:
    """Remove actors that are gone, and what a killed run left."""
    folder.mkdir(parents=True, exist_ok=True)
    for found in folder.glob("actor=*"):
        if found.name not in keep:
            shutil.rmtree(found)
    for left in folder.glob("actor=*/.*.part"):
        left.unlink()


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


def _read(file: Path, *names: str) -> pd.DataFrame:
    import pyarrow.parquet as parquet

    opened = parquet.ParquetFile(file, page_checksum_verification=True)
    table = opened.read([*_TEXT, *names] if names else None)
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in _TEXT}
    for field in table.schema:
        if field.name in _TEXT:
            continue
        shape = json.loads(field.metadata[b"shape"])
        lists = table[field.name].combine_chunks().to_numpy(zero_copy_only=False)
        columns[field.name] = [None if one is None else one.reshape(shape) for one in lists]
    return pd.DataFrame(columns)


def _write(file: Path, table: pd.DataFrame, target: Target) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    fields = [pa.field(name, pa.string()) for name in _TEXT]
    columns = [pa.array(table[name].tolist(), pa.string()) for name in _TEXT]
    for name, kind in target.arrays.items():
        found = table[name] if name in table else [None] * len(table)
        values = [value if isinstance(value, np.ndarray) else None for value in found]
        first = next((value for value in values if value is not None), None)
        # where the whole partition has none, the column stands all the same
        axes = [-1, *first.shape[1:]] if first is not None and first.ndim else []
        items = pa.list_(pa.from_numpy_dtype(np.dtype(kind)))
        fields.append(pa.field(name, items, metadata={"shape": json.dumps(axes)}))
        flat = [None if value is None else np.ravel(value) for value in values]
        columns.append(pa.array(flat, items))
    schema = pa.schema(fields, metadata={"avemo": _text(target.description)})
    with atomic_write(file) as beside:
        parquet.write_table(
            pa.table(columns, schema), beside, compression="zstd", write_page_checksum=True
        )


def _text(description: Description) -> str:
    return json.dumps(description, sort_keys=True)
