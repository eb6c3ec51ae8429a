"""Where the media of a request are decoded: in processes without network, by a version's own code.

A version whose code is older decodes in this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

__all__ = ["Decoder", "GrowingFile", "OpenedMedia", "new_decoder"]


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


class Decoder(Protocol):
    """Opens media for one version's recogniser."""

    #: whether a file that takes over its decoder is still shut in
    confined: bool

    def open(self, media: Path | bytes | GrowingFile) -> AbstractContextManager[OpenedMedia]:
        """Open a file, a file's content, or a file that is still arriving."""

    def growing_file(self, path: Path) -> GrowingFile:
        """Return a file that is still arriving."""

    def close(self) -> None:
        """End what decodes."""


def new_decoder(package: str, processes: int) -> Decoder:
    """Return what decodes for a version.

    Args:
        package: the version's own, such as `avemo_d8fb23b99811`
        processes: that decode at a time
    """
    try:
        sandbox = import_module(f"{package}.media.sandbox")
    except ModuleNotFoundError:
        return _InProcess()
    return _Confined(sandbox, processes)


class _Confined:
    """Decoding processes of a version's own sandbox."""

    confined = True

    def __init__(self, module: ModuleType, processes: int) -> None:
        self._module: Any = module
        self._sandbox: Any = module.Sandbox(processes)

    def open(self, media: Path | bytes | GrowingFile) -> AbstractContextManager[OpenedMedia]:
        opened: AbstractContextManager[OpenedMedia] = self._sandbox.open(media)
        return opened

    def growing_file(self, path: Path) -> GrowingFile:
        file: GrowingFile = self._module.GrowingFile(path)
        return file

    def close(self) -> None:
        self._sandbox.close()


class _InProcess:
    """A version of an older release, which decodes here and cannot be stopped."""

    confined = False

    @contextmanager
    def open(self, media: Path | bytes | GrowingFile) -> Iterator[OpenedMedia]:
        yield _Source(media)

    def growing_file(self, path: Path) -> GrowingFile:
        raise NotImplementedError(path)

    def close(self) -> None:
        pass


class _Source:
    def __init__(self, clip: object) -> None:
        self.clip = clip

    def kill(self) -> None:
        pass
