"""Threads that answer, each job with a way to stop it.

ONNX Runtime and FFmpeg let other threads run while they work, and each uses one thread itself: so
there are as many threads as cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .job import Job
from .refusal import Refusal, hung_up

__all__ = ["Workers"]

Result = TypeVar("Result")


class Workers:
    """A pool of threads, of which each works for one request at a time.

    Args:
        count: of threads
        name: of each, for a debugger
    """

    def __init__(self, count: int, name: str) -> None:
        self._free = asyncio.Semaphore(count)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self.count = count
        self.busy = 0

    @property
    def all_busy(self) -> bool:
        """Whether whoever comes now must wait."""
        return self._free.locked()

    async def run(
        self,
        work: Callable[[], Result],
        *,
        job: Job,
        hang_up: asyncio.Future[None],
        on_start: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> Result:
        """Wait for a thread, and return what it returns; stop it where nobody waits any more.

        The thread is free again when it has ended, which one that is stopped soon does. It is not
        waited for.

        Args:
            work: is called in the thread
            job: stops it
            hang_up: is done when the client has hung up, or its upload has failed
            on_start: is called when a thread is free
            on_end: is called when it has ended, if it was free

        Raises:
            Refusal: the client has hung up, or its upload has failed
        """
        await self._wait_for_thread(hang_up)
        self.busy += 1
        on_start()
        thread = asyncio.get_running_loop().run_in_executor(self._pool, work)

        def release(ended: asyncio.Future[Result]) -> None:
            self.busy -= 1
            self._free.release()
            on_end()
            ended.cancelled() or ended.exception()  # an error that nobody waits for is no news

        thread.add_done_callback(release)
        try:
            await _first_of(thread, hang_up)
            if not thread.done():
                raise _hang_up_error(hang_up)
            return thread.result()
        finally:
            if not thread.done():
                job.stop()

    def close(self) -> None:
        """Take no more work; what is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _wait_for_thread(self, hang_up: asyncio.Future[None]) -> None:
        waiting = asyncio.create_task(self._free.acquire())
        try:
            await _first_of(waiting, hang_up)
        except asyncio.CancelledError:
            self._give_up(waiting)
            raise
        if hang_up.done():
            self._give_up(waiting)
            raise _hang_up_error(hang_up)

    def _give_up(self, waiting: asyncio.Future[Any]) -> None:
        if waiting.done() and not waiting.cancelled():
            self._free.release()
        else:
            waiting.cancel()


async def _first_of(work: asyncio.Future[Any], hang_up: asyncio.Future[None]) -> None:
    """Wait until one of both is done."""
    futures: set[asyncio.Future[Any]] = {work, hang_up}
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _hang_up_error(hang_up: asyncio.Future[None]) -> Refusal:
    """Return why nobody waits any more: the upload has failed, or the client has hung up."""
    error = None if hang_up.cancelled() else hang_up.exception()
    return error if isinstance(error, Refusal) else hung_up()
