"""A timeline under way: a thread computes its rows, the event loop sends them on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..inference.adaptation import SpeakerStatistics
from .asgi import Receive
from .decoding import GrowingFile
from .job import Job
from .spool import SpooledFile
from .uploads import body_chunks
from .versions.loaded import LoadedVersion, Windows
from .waiting import wait_for_hang_up
from .workers import Workers

__all__ = ["Timeline", "feed"]

#: rows that wait to be sent: a slow reader holds the computation up, and not the memory
_MAX_ROWS = 256
_LOOK_S = 0.5

Row = dict[str, Any]


class Timeline:
    """The rows of one clip.

    Args:
        loaded: the version
        windows: of each prediction
        adapt: to each person, as it goes
    """

    def __init__(self, loaded: LoadedVersion, windows: Windows, *, adapt: bool = False) -> None:
        self._loaded = loaded
        self._windows = windows
        self._adapt = adapt
        #: whom it is adapted to from the start
        self.speaker: SpeakerStatistics | None = None
        self.media: Path | GrowingFile = Path()
        self._job = Job()
        self._rows: asyncio.Queue[Row] = asyncio.Queue()
        self._room = threading.Semaphore(_MAX_ROWS)

    @contextmanager
    def started(
        self, workers: Workers, hang_up: asyncio.Future[None]
    ) -> Iterator[AsyncIterator[Row]]:
        """Compute in a thread for the length of the block, and yield the rows as they come.

        Args:
            workers: of which one computes
            hang_up: is done when the client has hung up, or its upload has failed
        """
        loop = asyncio.get_running_loop()

        def compute() -> None:
            rows = self._loaded.timeline(
                self.media, self._job, self._windows, speaker=self.speaker, adapt=self._adapt
            )
            for row in rows:
                while not self._room.acquire(timeout=_LOOK_S):
                    self._job.require_wanted()
                loop.call_soon_threadsafe(self._rows.put_nowait, row)

        computing = asyncio.create_task(workers.run(compute, job=self._job, hang_up=hang_up))
        try:
            yield self._take(computing)
        finally:
            computing.cancel()

    async def _take(self, computing: asyncio.Task[None]) -> AsyncIterator[Row]:
        while True:
            waiting = asyncio.ensure_future(self._rows.get())
            try:
                await asyncio.wait({waiting, computing}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    break
                self._room.release()
                yield waiting.result()
            finally:
                waiting.cancel()
        while not self._rows.empty():  # those that came together with the end
            yield self._rows.get_nowait()
        await computing


async def feed(
    receive: Receive, spooled: SpooledFile, growing: GrowingFile, received: asyncio.Event
) -> None:
    """Append an upload to its file as it arrives, then return when the client hangs up.

    Args:
        receive: the upload
        spooled: counts its bytes
        growing: its file
        received: is set when the upload is complete

    Raises:
        Refusal: the upload is too large or too slow, or the client hung up before its end
    """
    try:
        async for chunk in body_chunks(receive):
            spooled.reserve(len(chunk))
            growing.append(chunk)
        growing.finish()
        received.set()
    except BaseException:  # whoever reads the file must not wait for the rest
        growing.abort()
        raise
    await wait_for_hang_up(receive)
