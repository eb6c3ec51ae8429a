"""Decoding in processes of their own, so that a hostile file costs one answer and nothing else.

Such a process has no network, opens no file but that which it is given, and is limited in memory
and processor time. It is ended at once where somebody does not want to wait any more.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from ...errors import MediaError
from . import wire
from .confinement import Limits
from .growing_file import GrowingFile
from .remote_clip import RemoteClip

__all__ = ["GrowingFile", "Job", "Limits", "RemoteClip", "Sandbox"]

#: the package that holds this module, under whatever name, and where it is imported from
_PACKAGE = __name__.split(".media.", maxsplit=1)[0]
_ROOT = str(Path(__file__).parents[3])
_START = "import sys; sys.path.insert(0, {root!r}); from {package}.media.sandbox.worker import main"
#: a process is replaced after so many files
_FILES_PER_PROCESS = 200


class _Decoder:
    """A decoding process."""

    def __init__(self, limits: Limits) -> None:
        self.connection, theirs = socket.socketpair()
        code = _START.format(root=_ROOT, package=_PACKAGE)
        code += f"; main({theirs.fileno()}, {json.dumps(asdict(limits))!r})"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-B", "-c", code],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
            )
        self.files = 0

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until the process has loaded what it needs.

        Raises:
            WireError: it could not
        """
        wire.receive(self.connection)

    def open(self, content: BinaryIO, size: int, complete: bool) -> None:
        """Give the process a file."""
        wire.send(self.connection, {"do": "open", "size": size, "complete": complete})
        socket.send_fds(self.connection, [b"F"], [content.fileno()])
        self.files += 1

    def close_file(self) -> None:
        """Take the file away again."""
        wire.send(self.connection, {"do": "close"})
        wire.receive(self.connection)

    def kill(self) -> None:
        self._process.kill()
        self.connection.close()
        self._process.wait()


class Job:
    """One file in a decoding process, for as long as the block of `Sandbox.open` lasts.

    Attributes:
        clip: to read the file by
    """

    def __init__(self, decoder: _Decoder, arriving: GrowingFile | None) -> None:
        self._decoder = decoder
        self._arriving = arriving
        self.clip = RemoteClip(decoder.connection, arriving)

    def kill(self) -> None:
        """End the process: reading ends with a MediaError, in whichever thread reads."""
        with suppress(OSError):
            self._decoder.connection.shutdown(socket.SHUT_RDWR)
        if self._arriving:
            self._arriving.abort()
        self._decoder.kill()


class Sandbox:
    """Decoding processes, each for one file at a time.

    Args:
        processes: how many wait for a file, ready to decode
        limits: of each
    """

    def __init__(self, processes: int = 1, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._idle: list[_Decoder] = []
        self._processes = processes
        self._lock = threading.Lock()
        self._closed = False
        for _ in range(processes):
            self._idle.append(_Decoder(self._limits))
        for decoder in self._idle:
            decoder.wait_until_ready()

    @contextmanager
    def open(self, source: Path | bytes | GrowingFile) -> Iterator[Job]:
        """Give a decoding process a file for the length of the block.

        Args:
            source: a file, a file's content, or a file that is still arriving

        Raises:
            MediaError: `unreadable`: the file does not open
        """
        arriving = source if isinstance(source, GrowingFile) else None
        with _open_source(source) as content:
            size, complete = (
                arriving.size if arriving else (os.fstat(content.fileno()).st_size, True)
            )
            if complete and not size:
                raise MediaError("unreadable", "media is empty: 0 bytes")
            decoder = self._take()
            job = Job(decoder, arriving)
            try:
                decoder.open(content, size, complete)
                yield job
            finally:
                self._give_back(decoder, job.clip.idle)

    def close(self) -> None:
        """End all processes that wait for a file."""
        with self._lock:
            self._closed = True
            decoders, self._idle = self._idle, []
        for decoder in decoders:
            decoder.kill()

    def _take(self) -> _Decoder:
        while True:
            with self._lock:
                decoder = self._idle.pop() if self._idle else None
            if decoder is None:
                decoder = _Decoder(self._limits)
                decoder.wait_until_ready()
                return decoder
            if decoder.alive:
                return decoder
            decoder.kill()

    def _give_back(self, decoder: _Decoder, idle: bool) -> None:
        """Keep a process for the next file, or replace it where it is not at rest."""
        if idle and decoder.alive and decoder.files < _FILES_PER_PROCESS:
            try:
                decoder.close_file()
            except (OSError, wire.WireError):
                decoder.kill()
            else:
                self._keep(decoder)
                return
        else:
            decoder.kill()
        threading.Thread(target=self._replace, daemon=True).start()

    def _replace(self) -> None:
        decoder = _Decoder(self._limits)
        try:
            decoder.wait_until_ready()
        except wire.WireError:
            decoder.kill()
            return
        self._keep(decoder)

    def _keep(self, decoder: _Decoder) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < self._processes:
                self._idle.append(decoder)
                return
        decoder.kill()


@contextmanager
def _open_source(source: Path | bytes | GrowingFile) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        with tempfile.TemporaryFile() as file:
            file.write(source)
            file.flush()
            file.seek(0)
            yield file
        return
    try:
        content = source.open("rb") if isinstance(source, Path) else source.open()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError("unreadable", f"{source!s} does not open: {reason}") from None
    with content:
        yield content


def _environment() -> dict[str, str]:
    """Return the variables that a decoding process gets: no keys, no addresses."""
    from ...threads import VARIABLES

    passed_on = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in passed_on if name in os.environ} | VARIABLES
