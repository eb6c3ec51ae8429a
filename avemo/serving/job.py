"""A prediction under way, which whoever waits for it can stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ..errors import AvemoError
from .decoding import OpenedMedia

__all__ = ["Job", "Stopped"]


class Stopped(AvemoError):
    """The work was stopped, because nobody waits for it any more."""


class Job:
    """Work in a thread, with the media that it decodes at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._media: OpenedMedia | None = None
        self._stopped = False

    @contextmanager
    def decoding(self, opened: AbstractContextManager[OpenedMedia]) -> Iterator[object]:
        """Open media for the block, and yield what a recogniser takes; `stop` ends its decoding.

        Raises:
            Stopped: it was stopped before
        """
        self.require_wanted()
        with opened as media:
            with self._lock:
                self._media = media
            try:
                self.require_wanted()
                yield media.clip
            finally:
                with self._lock:
                    self._media = None

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
            if self._media is not None:
                self._media.kill()
