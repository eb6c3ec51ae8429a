"""One function over many items, on the cores of this machine."""

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

__all__ = ["cores", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    function: Callable[[Item], Result],
    items: Collection[Item],
    *,
    title: str,
    unit: str = "recording",
    workers: int | None = None,
) -> Iterator[Result]:
    """Apply a function to each item, in parallel, under a progress bar.

    Args:
        function: a module's own function (or a `functools.partial` of one), so that a worker can
            import it. What it raises ends the run
        items: its arguments, one by one
        title: what the progress bar says
        unit: what an item is called
        workers: processes; 1 stays in this one. By default one a core

    Yields:
        the results, in the items' order
    """
    from tqdm import tqdm

    workers = min(workers or cores(), len(items))
    bar = tqdm(total=len(items), desc=title, unit=unit, disable=not items, mininterval=1)
    with bar:
        if workers <= 1:
            for item in items:
                yield function(item)
                bar.update()
            return
        # spawn: a forked copy of a process with threads (TensorFlow, OpenCV) may hang
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        try:
            for result in pool.map(function, items, chunksize=max(1, min(8, len(items) // 64))):
                yield result
                bar.update()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
