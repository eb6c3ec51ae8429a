"""The journal of a record: a line for each row that no Parquet file has yet.

A line is on the disk before its answer goes out, so that a killed process loses at most the answer
under way. `batch.journal` keeps results that can be computed again, and need not be so careful.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from ...schema import Value
from .rows import Correction, RecordedAnswer

__all__ = ["Journal", "JournalLines", "read_lines"]


class _Line(Value):
    """A line: either of both."""

    answer: RecordedAnswer | None = None
    correction: Correction | None = None


@dataclass
class JournalLines:
    """What a journal holds, in the order of its lines.

    Args:
        answer_rows: of answers
        corrections: of people
        is_torn: its last line has no end: a process was killed as it wrote it
        damaged: the numbers of lines that hold something else, from 1
    """

    answer_rows: list[RecordedAnswer] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    is_torn: bool = False
    damaged: list[int] = field(default_factory=list)

    def add(self, row: RecordedAnswer | Correction) -> None:
        """Add a row."""
        if isinstance(row, RecordedAnswer):
            self.answer_rows.append(row)
        else:
            self.corrections.append(row)

    def __bool__(self) -> bool:
        """Whether there is any row."""
        return bool(self.answer_rows or self.corrections)


def read_lines(file: Path) -> JournalLines:
    """Return what a journal holds, also while a service writes to it; nothing where it is missing.

    Raises:
        OSError: it cannot be read
    """
    lines = JournalLines()
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return lines
    *complete, rest = content.split(b"\n")
    lines.is_torn = bool(rest)
    for number, text in enumerate(complete, start=1):
        try:
            line = _Line.model_validate_json(text)
        except ValidationError:
            lines.damaged.append(number)
            continue
        if row := line.answer or line.correction:
            lines.add(row)
    return lines


class Journal:
    """A journal that one process writes to.

    Args:
        file: is made where it is missing; only this user can read it

    Raises:
        OSError: it cannot be opened
    """

    def __init__(self, file: Path) -> None:
        self.rows = read_lines(file)
        file.touch(mode=0o600)
        self._stream = file.open("r+b", buffering=0)
        content = file.read_bytes()
        self.size = content.rfind(b"\n") + 1  # whatever is behind it is torn, and written over
        self._stream.truncate(self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def append(self, row: RecordedAnswer | Correction) -> None:
        """Add a row, which is on the disk when this returns.

        Raises:
            OSError: it is not, such as where the disk is full; the journal is as it was before
        """
        name = "answer" if isinstance(row, RecordedAnswer) else "correction"
        line = f'{{"{name}":{row.model_dump_json()}}}\n'.encode()
        descriptor, written = self._stream.fileno(), 0
        try:
            while written < len(line):
                written += os.pwrite(descriptor, line[written:], self.size + written)
            os.fsync(descriptor)
        except OSError:
            self._stream.truncate(self.size)
            raise
        self.size += len(line)
        self.rows.add(row)

    def clear(self) -> None:
        """Forget all rows, which are in Parquet files now."""
        self._stream.truncate(0)
        os.fsync(self._stream.fileno())
        self.size, self.rows = 0, JournalLines()

    def close(self) -> None:
        """Close the file; once is enough."""
        self._stream.close()
