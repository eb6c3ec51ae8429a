"""The rows of a watched folder, on disk: a journal, and Parquet files made from it.

`OUTPUT/rows/` is a dataset of part files, each whole or not there at all. The journal beside it
comes first: what a killed process had not written to a part file is in the journal, and is written
when the watcher starts again. So each file has one row, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ...io import atomic_write
from ..batch.clips import NamedClip
from ..batch.journal import Journal
from ..batch.predict import BatchRow
from ..batch.tables import parquet_table
from ..batch.task import Item
from .measures import ClipMeasures

__all__ = ["WatchedFile", "WatchedRows", "read_rows"]

_ROWS, _JOURNAL = "rows", "journal"


@dataclass(frozen=True)
class WatchedFile:
    """A file of a watched folder and what was predicted for it.

    Args:
        stamp: see `LandedFile.stamp`
        file: its path below the folder
        sha256: of its content
        landed_at: when it was complete, in UTC as ISO 8601 has it
        row: prediction and version
        measures: what the file is like
    """

    stamp: str
    file: str
    sha256: str
    landed_at: str
    row: BatchRow
    measures: ClipMeasures

    def to_fields(self) -> Mapping[str, object]:
        """Return the file as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Return what `to_fields` was called on."""
        row = BatchRow.from_fields(fields["row"])
        return cls(**dict(fields) | {"row": row, "measures": ClipMeasures(**fields["measures"])})


class WatchedRows:
    """The rows of a watched folder.

    Args:
        output: the folder of journal and rows; is made where it is missing

    Raises:
        AvemoError: another watcher writes to it
    """

    def __init__(self, output: Path) -> None:
        self.folder = output / _ROWS
        self.folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(output / _JOURNAL)
        self.files = _load(self._journal)
        self._by_content: dict[str, list[WatchedFile]] = {}
        for file in self.files.values():
            self._by_content.setdefault(file.sha256, []).append(file)
        self._unwritten = {stamp: self.files[stamp] for stamp in self._stamps_without_part()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._journal.__exit__(*exception)

    def add(self, file: WatchedFile) -> None:
        """Keep a file's row; `write_part` writes it to a part file."""
        self._journal.add(file.stamp, file.to_fields())
        self.files[file.stamp] = self._unwritten[file.stamp] = file
        self._by_content.setdefault(file.sha256, []).append(file)

    def with_content(self, sha256: str) -> list[WatchedFile]:
        """Return the files with a content."""
        return self._by_content.get(sha256, [])

    def write_part(self) -> Path | None:
        """Write the rows that no part file has to a new one; None where there are none."""
        if not self._unwritten:
            return None
        import pyarrow.parquet as parquet

        last = max((int(part.stem.rpartition("-")[2]) for part in self.parts()), default=0)
        target = self.folder / f"part-{last + 1:06}.parquet"
        files = list(self._unwritten.values())
        table = parquet_table(
            [(Item(NamedClip(file.file, file.file), file.sha256), file.row) for file in files],
            stamp=[file.stamp for file in files],
            landed_at=[file.landed_at for file in files],
            loudness_dbfs=[file.measures.loudness_dbfs for file in files],
            face_px=[file.measures.face_px for file in files],
        )
        with atomic_write(target) as temporary:
            parquet.write_table(table, temporary)
        self._unwritten.clear()
        return target

    def parts(self) -> list[Path]:
        """Return the part files, oldest first."""
        return sorted(self.folder.glob("part-*.parquet"))

    def _stamps_without_part(self) -> list[str]:
        import pyarrow.parquet as parquet

        written: set[str] = set()
        for part in self.parts():
            written.update(parquet.ParquetFile(part).read(["stamp"])["stamp"].to_pylist())
        return [stamp for stamp in self.files if stamp not in written]


def read_rows(output: Path) -> Iterator[WatchedFile]:
    """Yield the rows of a watched folder, also while a watcher writes to it."""
    import json

    with (output / _JOURNAL).open("rb") as lines:
        next(lines, None)
        for line in lines:
            if line.endswith(b"\n"):
                yield WatchedFile.from_fields(json.loads(line)["result"])


def _load(journal: Journal) -> dict[str, WatchedFile]:
    return {stamp: WatchedFile.from_fields(fields) for stamp, fields in journal.results.items()}
