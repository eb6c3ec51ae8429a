"""What a run has computed so far: a file that only grows, so that a kill takes one line at most.

Each line is an entry as JSON: a key that says what was computed from what, and the result. An entry
counts once its line is complete. The end of a file that a killed process wrote is cut off.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ...errors import AvemoError

__all__ = ["Journal"]

#: how often what was written is brought to the disk, which takes milliseconds, in seconds
_SYNC_S = 1.0
#: the first line
_HEADER = b'{"journal": "avemo", "version": 2}\n'


class Journal:
    """The results of a run by their keys; one process at a time has it open.

    Args:
        file: is made where it is missing

    Raises:
        AvemoError: another process writes to it, or it is no journal of this release
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.results: dict[str, Mapping[str, Any]] = {}
        self._synced = time.monotonic()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._stream = file.open("a+b")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._stream.close()
            raise AvemoError(
                f"another process is just writing to {file}: wait until it has ended, or name "
                "another file for the results"
            ) from None
        try:
            self._read()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._sync()
        self._stream.close()

    def add(self, key: str, result: Mapping[str, object]) -> None:
        """Keep a result; from now on, a run that begins anew has it.

        Args:
            key: of what it was computed from, and how
            result: what JSON can hold
        """
        line = json.dumps({"key": key, "result": result}, allow_nan=False)
        self._stream.write(f"{line}\n".encode())
        self._stream.flush()
        self.results[key] = result
        if time.monotonic() - self._synced > _SYNC_S:
            self._sync()

    def _read(self) -> None:
        self._stream.seek(0)
        first, intact = self._stream.readline(), len(_HEADER)
        if first != _HEADER:
            if not _HEADER.startswith(first):
                raise AvemoError(
                    f"{self.file} is no journal of this release of avemo: move it away, or name "
                    "another file for the results"
                )
            self._stream.truncate(0)
            self._stream.write(_HEADER)
        for line in self._stream:
            try:
                fields = json.loads(line)
                key, result = fields["key"], fields["result"]
            except (ValueError, TypeError, KeyError):
                break  # what a power cut left
            if not line.endswith(b"\n"):
                break  # of a killed process
            self.results[key] = result
            intact += len(line)
        self._stream.truncate(intact)
        self._stream.seek(0, os.SEEK_END)

    def _sync(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._synced = time.monotonic()
