"""Waiting for work, and for the client that may hang up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from .asgi import Receive

__all__ = ["gather_or_cancel", "hang_up_watched", "wait_for_hang_up"]

Result = TypeVar("Result")


async def wait_for_hang_up(receive: Receive) -> None:
    """Return when the client hangs up, once its request has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def hang_up_watched(receive: Receive) -> AsyncIterator[asyncio.Future[None]]:
    """Yield what is done when the client hangs up, once its request has been read."""
    hang_up = asyncio.ensure_future(wait_for_hang_up(receive))
    try:
        yield hang_up
    finally:
        hang_up.cancel()


async def gather_or_cancel(works: Sequence[Coroutine[object, object, Result]]) -> list[Result]:
    """Return what each returns; where one fails, the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
