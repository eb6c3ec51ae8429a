"""A file that is still arriving, such as an upload, read while it grows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO, Self

__all__ = ["GrowingFile"]


class GrowingFile:
    """A file on disk that one thread appends to and others read.

    Args:
        path: a file that is made, or emptied
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb", buffering=0)
        self._changed = threading.Condition()
        self._size = 0
        self._complete = False
        self._aborted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.abort()

    def append(self, content: bytes) -> None:
        """Add what has arrived.

        Raises:
            OSError: the disk is full
        """
        self._file.write(content)
        with self._changed:
            self._size += len(content)
            self._changed.notify_all()

    def finish(self) -> None:
        """Say that nothing more will arrive."""
        with self._changed:
            self._complete = True
            self._file.close()
            self._changed.notify_all()

    def abort(self) -> None:
        """Say that the rest will never arrive, unless the file is complete."""
        with self._changed:
            self._aborted = not self._complete
            self._complete = True
            self._file.close()
            self._changed.notify_all()

    @property
    def aborted(self) -> bool:
        """Whether it ended before all had arrived."""
        return self._aborted

    @property
    def size(self) -> tuple[int, bool]:
        """The bytes that have arrived, and whether that is all."""
        with self._changed:
            return self._size, self._complete

    def wait_for(self, size: int) -> tuple[int, bool]:
        """Wait until so many bytes have arrived, or no more will, and return as `size` does."""
        with self._changed:
            self._changed.wait_for(lambda: self._complete or self._size >= size)
            return self._size, self._complete

    def open(self) -> BinaryIO:
        """Return a new reader of the file on disk."""
        return self.path.open("rb", buffering=0)
