"""An iterator that runs ahead in a thread of its own, by a few items."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Queue
from typing import TypeVar

__all__ = ["prefetch"]

Item = TypeVar("Item")


class _End:
    """Stands behind the last item; with the error that ended the iteration, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def prefetch(items: Iterator[Item], ahead: int) -> Iterator[Iterator[Item]]:
    """Yield an iterator over the same items, which are made in another thread.

    The block's end stops that thread, wherever it is.

    Args:
        items: a generator; what it raises is raised where the item is asked for
        ahead: how many items wait at most
    """
    queue: Queue[Item | _End] = Queue(ahead)
    stopped = threading.Event()

    def run() -> None:
        try:
            for item in items:
                queue.put(item)
                if stopped.is_set():
                    return
            queue.put(_End())
        except BaseException as error:
            queue.put(_End(error))
        finally:
            if isinstance(items, Generator):  # its locks belong to this thread
                items.close()

    def take() -> Iterator[Item]:
        while True:
            item = queue.get()
            if isinstance(item, _End):
                if item.error:
                    raise item.error
                return
            yield item

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stopped.set()
        while thread.is_alive():
            with suppress(Empty):  # it may wait for room
                queue.get_nowait()
            thread.join(0.01)
