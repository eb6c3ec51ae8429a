"""Where clips are answered: in this process, or on other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..tracking.lookup import Version
from .versions.loaded import LoadedVersion

__all__ = ["Engine", "LocalEngine"]


class Engine(Protocol):
    """Whatever answers clips."""

    @property
    def slots(self) -> int:
        """How many clips it answers at a time."""

    def load(self, version: Version, folder: Path) -> LoadedVersion:
        """Return a version that answers there.

        Args:
            version: in the registry
            folder: with its files, which are as they were registered

        Raises:
            AvemoError: it does not load
        """

    def close(self) -> None:
        """End whatever runs elsewhere."""


class LocalEngine:
    """Threads of this process, and processes that decode for them.

    Args:
        slots: threads
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots

    def load(self, version: Version, folder: Path) -> LoadedVersion:
        """Load a version into this process."""
        return LoadedVersion(folder, self.slots)

    def close(self) -> None:
        """Nothing runs elsewhere."""
