"""A prediction under way, which whoever waits for it can stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

from ..errors import AvemoError

__all__ = ["Job", "Stopped"]


class Killable(Protocol):
    """What decodes a clip in a process of its own."""

    def kill(self) -> None:
        """End that process's work at once."""


Source = TypeVar("Source")


class Stopped(AvemoError):
    """The work was stopped, because nobody waits for it any more."""


class Job:
    """Work in a thread, with the clip that it decodes at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clip: Killable | None = None
        self._stopped = False

    @contextmanager
    def decoding(self, opened: AbstractContextManager[Source]) -> Iterator[Source]:
        """Open a clip for the block, in which `stop` ends its decoding.

        Raises:
            Stopped: it was stopped before
        """
        self.require_wanted()
        with opened as clip:
            with self._lock:
                self._clip = clip if hasattr(clip, "kill") else None
            self.require_wanted()
            try:
                yield clip
            finally:
                with self._lock:
                    self._clip = None

    def require_wanted(self) -> None:
        """Raise where nobody waits for the work any more.

        Raises:
            Stopped: so it is
        """
        if self._stopped:
            raise Stopped("stopped")

    def stop(self) -> None:
        """End the work soon; another thread may call it."""
        with self._lock:
            self._stopped = True
            if self._clip is not None:
                self._clip.kill()
