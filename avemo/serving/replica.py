"""What runs on the machines of a Ray cluster: versions that answer clips, and nothing else.

A replica gets the files of a version from the service, over Ray. It needs no registry, and nobody's
password.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import AvemoError
from ..inference.adaptation import SpeakerStatistics
from ..registry import version_cache
from ..tracking.lookup import Version
from .job import Job
from .versions.example import Row
from .versions.loaded import LoadedVersion

__all__ = ["NotLoadedError", "Replica", "VersionFiles", "pack"]

#: versions in memory that nobody needs at the moment: the current one and the one before
_MAX_VERSIONS = 2


class NotLoadedError(AvemoError):
    """A version cannot be used on one machine; another may have what it lacks."""


@dataclass(frozen=True)
class VersionFiles:
    """A version that a replica is to answer with.

    Args:
        version: in the registry
        archive: Ray's reference to its files, see `pack`; fetched where they are missing
    """

    version: Version
    archive: Any


@dataclass(eq=False)
class _ResidentVersion:
    loading: asyncio.Task[LoadedVersion]
    requests: int = 0

    @property
    def failed(self) -> bool:
        return self.loading.done() and self.loading.exception() is not None


class Replica:
    """Answers clips with the version that each call names; it loads what it does not have yet.

    Args:
        slots: clips that it answers at a time
    """

    def __init__(self, slots: int) -> None:
        sys.dont_write_bytecode = True  # among a version's files, it would be a change
        self._slots = slots
        self._residents: dict[str, _ResidentVersion] = {}  # the last used is the last
        self._closing: set[asyncio.Task[None]] = set()

    async def answer(
        self, files: VersionFiles, media: bytes, speaker: SpeakerStatistics | None = None
    ) -> Row:
        """Return a version's prediction for one clip; cancelling stops the decoding.

        Raises:
            NotLoadedError: the version does not load here, or does not answer its example as
                recorded
            AvemoError: it fails for this clip
        """
        job = Job()
        with self._hold(files) as resident:
            # a request that is cancelled does not end the loading, which others wait for, too
            loaded = await asyncio.shield(resident.loading)
            try:
                return await asyncio.to_thread(loaded.answer, media, job, speaker)
            finally:
                job.stop()

    @contextmanager
    def _hold(self, files: VersionFiles) -> Iterator[_ResidentVersion]:
        """Keep a version in memory for the block."""
        key = f"{files.version.uri} {files.version.seal}"
        resident = self._residents.pop(key, None)
        if resident is None or resident.failed:
            loading = asyncio.create_task(asyncio.to_thread(_load, files, self._slots))
            resident = _ResidentVersion(loading)
        self._residents[key] = resident
        resident.requests += 1
        try:
            yield resident
        finally:
            resident.requests -= 1
            self._free_unused()

    def _free_unused(self) -> None:
        for key, resident in list(self._residents.items())[:-_MAX_VERSIONS]:
            if resident.loading.done() and not resident.requests:
                del self._residents[key]
                if not resident.failed:
                    closing = asyncio.create_task(
                        asyncio.to_thread(resident.loading.result().close)
                    )
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)


def pack(folder: Path) -> bytes:
    """Return a version's files as one archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(folder, arcname=".")
    return content.getvalue()


def _load(files: VersionFiles, slots: int) -> LoadedVersion:
    """Load a version and let it answer its example."""

    def unpack(version: Version, target: Path) -> None:
        import ray

        with tarfile.open(fileobj=io.BytesIO(ray.get(files.archive))) as archive:
            archive.extractall(target, filter="data")

    try:
        loaded = LoadedVersion(version_cache.get(files.version, pull=unpack), slots)
        try:
            loaded.answer_example()
        except BaseException:
            with suppress(Exception):
                loaded.close()
            raise
    except (AvemoError, OSError) as error:
        raise NotLoadedError(str(error)) from None
    return loaded
