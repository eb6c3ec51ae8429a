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

__all__ = ["Decoder", "new_decoder"]


class Decoder(Protocol):
    """Opens clips for one version's recogniser."""

    #: whether a file that takes over its decoder is still shut in
    confined: bool

    def open(self, source: object) -> AbstractContextManager[Any]:
        """Return what a recogniser takes for a file, or for one that is still arriving."""

    def growing_file(self, path: Path) -> Any:
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
        self._module = module
        self._sandbox: Any = module.Sandbox(processes, module.Limits())

    def open(self, source: object) -> AbstractContextManager[Any]:
        opened: AbstractContextManager[Any] = self._sandbox.open(source)
        return opened

    def growing_file(self, path: Path) -> Any:
        return self._module.GrowingFile(path)

    def close(self) -> None:
        self._sandbox.close()


class _InProcess:
    """A version of an older release, which decodes here."""

    confined = False

    @contextmanager
    def open(self, source: object) -> Iterator[object]:
        yield source

    def growing_file(self, path: Path) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass
