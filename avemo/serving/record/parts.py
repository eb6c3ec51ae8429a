"""The Parquet files of a record: one a day for answers, and one a day for corrections."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from ...errors import AvemoError, last_line
from ...io import atomic_write
from .rows import Correction, RecordedAnswer, is_expired

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["add_rows", "expire_part", "list_parts", "newest_time", "read_part"]

Row = TypeVar("Row", RecordedAnswer, Correction)
Kind = type[RecordedAnswer] | type[Correction]

_SUFFIX = ".parquet"
_DAY = "%Y%m%d"


def list_parts(folder: Path, day: str = "") -> list[Path]:
    """Return the files, oldest first.

    Args:
        folder: of answers or of corrections
        day: of which day, such as `20261130`; empty for all
    """
    return sorted(folder.glob(f"{day}*{_SUFFIX}"))


def read_part(file: Path, kind: type[Row], row_id: str = "") -> list[Row]:
    """Return the rows of a file; none where it was deleted meanwhile.

    Args:
        file: to read
        kind: of its rows
        row_id: of the only row that is wanted; empty for all

    Raises:
        AvemoError: it is damaged, or holds something else
    """
    try:
        rows = _read_table(file, kind, row_id).to_pylist()
        return [kind.from_columns(columns) for columns in rows]
    except FileNotFoundError:
        return []
    except (ValidationError, ValueError) as error:
        raise _unreadable(file, error) from None


def newest_time(file: Path) -> datetime:
    """Return the latest time at which the retention of an answer in a file begins.

    Raises:
        AvemoError: it is damaged, or holds something else
    """
    times: list[datetime] = _read_table(file, RecordedAnswer)["retained_from"].to_pylist()
    return max(times)


def add_rows(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Add rows to the files of their days, each whole or not at all; a row that is there stays.

    Where the file of a day is damaged, another one is begun for the day.

    Returns:
        what is damaged, in a line each

    Raises:
        OSError: they cannot be written, such as where the disk is full
    """
    import pyarrow as pa

    damaged: list[str] = []
    by_day: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[row.retained_from.strftime(_DAY)].append(row)
    for day, new_rows in by_day.items():
        kind = type(new_rows[0])
        table, number = kind.parquet_schema().empty_table(), 1
        while (file := folder / _name(day, number)).exists():
            try:
                table = _read_table(file, kind)
                break
            except AvemoError as error:
                damaged.append(str(error))
                number += 1
        known = set(table["id"].to_pylist())
        columns = [row.to_columns() for row in new_rows if row.id not in known]
        if columns:
            addition = pa.Table.from_pylist(columns, table.schema)
            _write(file, pa.concat_tables([table, addition]))
    return damaged


def expire_part(file: Path, kind: Kind, *, now: datetime, retention: timedelta) -> int:
    """Remove the rows that are older than the retention, and return how many.

    A file that is damaged goes as a whole, when the last row that it can have is too old.

    Raises:
        AvemoError: it is damaged, and not as old as that
        OSError: it cannot be written
    """
    day, limit = _day_of(file), now - retention
    if limit < day <= now:
        return 0
    try:
        table = _read_table(file, kind)
    except AvemoError:
        if day + timedelta(days=1) > limit:
            raise
        file.unlink()
        return 1
    times = table["time" if kind is RecordedAnswer else "answer_time"].to_pylist()
    is_young = [
        not is_expired(time, retained_from, now=now, retention=retention)
        for time, retained_from in zip(times, table["retained_from"].to_pylist(), strict=True)
    ]
    if not any(is_young):
        file.unlink()
    elif not all(is_young):
        _write(file, table.filter(is_young))
    return is_young.count(False)


def _read_table(file: Path, kind: Kind, row_id: str = "") -> pa.Table:
    """Return a file's table.

    Raises:
        AvemoError: it is damaged, or holds something else
        FileNotFoundError: there is none
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    filters = [("id", "==", row_id)] if row_id else None
    try:
        table = parquet.read_table(file, filters=filters, partitioning=None)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(file, error) from None
    if table.schema != kind.parquet_schema():
        raise _unreadable(file, ValueError("its columns are others"))
    return table


def _unreadable(file: Path, error: Exception) -> AvemoError:
    return AvemoError(
        f"{file} cannot be read ({last_line(str(error))[:200]}) and is left out: bring it back "
        "from a backup, or delete it"
    )


def _write(file: Path, table: pa.Table) -> None:
    import pyarrow.parquet as parquet

    with atomic_write(file) as temporary, temporary.open("xb") as stream:
        parquet.write_table(table, stream)
        stream.flush()
        os.fsync(stream.fileno())  # before the journal forgets the rows
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name(day: str, number: int) -> str:
    return f"{day}{_SUFFIX}" if number == 1 else f"{day}-{number}{_SUFFIX}"


def _day_of(file: Path) -> datetime:
    """Return the start of the day that a file is of; the end of time, for another name."""
    with suppress(ValueError):
        return datetime.strptime(file.name[:8], _DAY).replace(tzinfo=UTC)
    return datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
