"""The version that answers now, and those that still finish what they began."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from ..refusal import Refusal
from .description import Description
from .loaded import LoadedVersion

__all__ = ["CurrentVersion", "ServedVersion"]

log = logging.getLogger(__name__)


@dataclass(eq=False)
class ServedVersion:
    """A loaded version that requests go to.

    Args:
        loaded: answers
        description: what it is
        seal: the checksum of its files' checksums
        since: when it began to answer, in UTC
        requests: under way
    """

    loaded: LoadedVersion
    description: Description
    seal: str
    since: datetime
    requests: int = 0


class CurrentVersion:
    """Switch from one version to the next without a request that fails.

    All methods belong to the event loop's thread.

    Args:
        free: frees the memory of a version that nobody uses any more
        role: what the version does, as the log says it
    """

    def __init__(self, free: Callable[[LoadedVersion], None], role: str = "answers") -> None:
        self._free = free
        self.role = role
        self._served: ServedVersion | None = None
        self.switches = 0

    @property
    def served(self) -> ServedVersion | None:
        """The version that answers; None before the first is loaded."""
        return self._served

    @contextmanager
    def use(self) -> Iterator[ServedVersion]:
        """Hold the version that answers now for the block, in which it stays loaded.

        Raises:
            Refusal: none is loaded yet
        """
        served = self._served
        if served is None:
            raise Refusal(503, "not-ready", "no version is loaded yet", retry_after_s=2)
        served.requests += 1
        try:
            yield served
        finally:
            served.requests -= 1
            self._free_if_unused(served)

    def switch(self, loaded: LoadedVersion, description: Description, seal: str) -> None:
        """Let a version answer from now on; the one before is freed after its last request."""
        before = self._served
        now = datetime.now(UTC)
        self._served = ServedVersion(loaded, description, seal, now)
        self.switches += 1
        log.info("avemo: %s %s", description.label, self.role)
        if before is not None:
            self._free_if_unused(before)

    def _free_if_unused(self, served: ServedVersion) -> None:
        if served is not self._served and not served.requests:
            log.info("avemo: %s has answered its last request", served.description.label)
            self._free(served.loaded)
