"""Uploads on disk, in a private folder with a quota, deleted with the answer."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from .refusal import Refusal

__all__ = ["Spool", "SpooledFile"]

_PREFIX = "avemo-spool-"
_LOCK = "lock"
#: what findings call an upload, whose own name is not written anywhere
_NAME = "clip"


class Spool:
    """A folder that only this user can read, and that goes with the process.

    What a process that was killed left behind is deleted by the next one: it finds it unlocked.

    Args:
        max_bytes: of all files together
        parent: by default the system's folder of temporary files
    """

    def __init__(self, max_bytes: int, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        _delete_abandoned(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = (self.folder / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._max_bytes = max_bytes
        self.used_bytes = 0

    def new_file(self) -> SpooledFile:
        """Return an empty file."""
        return SpooledFile(self)

    def take(self, size: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            Refusal: they would exceed the quota
        """
        if self.used_bytes + size > self._max_bytes:
            raise Refusal(
                503,
                "spool-full",
                "too many uploads at a time: try again later",
                retry_after_s=5,
                close=True,
            )
        self.used_bytes += size

    def give_back(self, size: int) -> None:
        """Count bytes that are deleted."""
        self.used_bytes -= size

    def close(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


class SpooledFile:
    """An upload, deleted at the end of the `with` block."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._folder = Path(tempfile.mkdtemp(dir=spool.folder))
        self.path = self._folder / _NAME
        self._stream: BinaryIO = self.path.open("xb", buffering=0)
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.delete()

    def write(self, content: bytes) -> None:
        """Append to the file.

        Raises:
            Refusal: the spool's quota is used up
        """
        self.reserve(len(content))
        view = memoryview(content)
        while view:
            view = view[os.write(self._stream.fileno(), view) :]

    def reserve(self, size: int) -> None:
        """Count bytes that somebody else appends to the file.

        Raises:
            Refusal: the spool's quota is used up
        """
        self._spool.take(size)
        self.size += size

    def finish(self) -> Path:
        """Return the path of the file, which is complete."""
        self._stream.close()
        return self.path

    def delete(self) -> None:
        """Delete the file; once is enough."""
        self._stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._spool.give_back(self.size)
        self.size = 0


def _delete_abandoned(parent: Path) -> None:
    """Delete the spools of processes that ended without doing so."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
