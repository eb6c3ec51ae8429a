"""Threads that answer, each job with a way to stop it.

ONNX Runtime and FFmpeg let other threads run while they work, and each uses one thread itself: so
there are as many threads as cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from .asgi import Receive
from .refusal import Refusal

__all__ = ["Stoppable", "Workers", "wait_for_disconnect"]

Result = TypeVar("Result")


class Stoppable(Protocol):
    """A piece of work that another thread can stop."""

    def stop(self) -> None:
        """Make the work end soon, with an error."""


class Workers:
    """A pool of threads.

    Args:
        count: of threads
        name: of each, for a debugger
    """

    def __init__(self, count: int, name: str) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(
        self,
        job: Callable[[], Result],
        *,
        stoppable: Stoppable,
        gone: asyncio.Future[None],
    ) -> Result:
        """Return what a job returns; stop it where nobody waits for it any more.

        The worker is free again once the job has ended, which a stopped one does at once.

        Args:
            job: is run in a thread
            stoppable: stops the job
            gone: is done when the client has hung up

        Raises:
            Refusal: the client has hung up
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, job)
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Refusal(499, "gone", "the client has hung up", close=True)
            return work.result()
        finally:
            if not work.done():
                stoppable.stop()
                # its error is nobody's, and the worker is held until it has ended
                await asyncio.wait({work})
                work.cancelled() or work.exception()

    def close(self) -> None:
        """Take no more jobs; those that run are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has hung up, once its request has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
