"""Where media are decoded: in processes without network, by a version's own code."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ..registry import own_code

__all__ = ["Decoder", "GrowingFile", "OpenedMedia"]


class OpenedMedia(Protocol):
    """Media that are open, see `media.sandbox.Job`."""

    @property
    def clip(self) -> object:
        """What a recogniser takes."""

    def kill(self) -> None:
        """End the decoding at once; another thread may call it."""


class GrowingFile(Protocol):
    """A file that is still arriving, see `media.sandbox.GrowingFile`."""

    def append(self, content: bytes) -> None:
        """Add what has arrived."""

    def finish(self) -> None:
        """Say that nothing more will arrive."""

    def abort(self) -> None:
        """Say that the rest will never arrive."""


class Decoder:
    """Decoding processes for one version's recogniser, see `media.sandbox.Sandbox`.

    Args:
        recogniser: the version's
        processes: that wait for media

    Raises:
        AvemoError: a version of an older release, which decodes in no other process
    """

    def __init__(self, recogniser: own_code.Recogniser, processes: int) -> None:
        self._sandbox_module: Any = own_code.sandbox_of(recogniser)
        self._sandbox: Any = self._sandbox_module.Sandbox(processes)

    def open(self, media: Path | bytes | GrowingFile) -> AbstractContextManager[OpenedMedia]:
        """Open a file, a file's content, or a file that is still arriving."""
        opened: AbstractContextManager[OpenedMedia] = self._sandbox.open(media)
        return opened

    def growing_file(self, path: Path) -> GrowingFile:
        """Return a file that is still arriving."""
        file: GrowingFile = self._sandbox_module.GrowingFile(path)
        return file

    def close(self) -> None:
        """End the processes that wait."""
        self._sandbox.close()
