"""One function over many items: on the cores of this machine, or on a Ray cluster."""

import logging
import os
import pickle
import socket
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from . import threads
from .errors import SettingsError

__all__ = ["connect_to_ray", "count_cores", "run"]

log = logging.getLogger(__name__)

#: By default, glibc returns each array's memory to the system and fetches it anew, page by page:
#: with sounds and pictures that is half of a worker's time
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(1 << 27), "MALLOC_TRIM_THRESHOLD_": str(1 << 28)}

Item = TypeVar("Item")
Result = TypeVar("Result")


def count_cores() -> int:
    """Return how many cores this process may use."""
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
    cluster: str | None = None,
    chunk_size: int | None = None,
    show_progress: bool = True,
) -> Iterator[Result]:
    """Apply a function to each item, in parallel, under a progress bar.

    Each call has one thread of the numeric libraries (see `threads`), so that results are the same
    to the last bit wherever they are computed.

    Args:
        function: one that a worker can import, or a callable object, which each worker gets once
            and may hold state in. An exception ends the run
        items: the function's arguments
        title: of the progress bar
        unit: name of an item, for the progress bar
        workers: processes, by default one a core. With 1, this process computes
        cluster: address of a Ray cluster to use instead, `auto` or HOST:PORT
        chunk_size: how many items a worker gets at a time, and loses where the run is killed; by
            default up to 32, the more items the more
        show_progress: whether there is a bar

    Yields:
        the results, in the items' order

    Raises:
        SettingsError: there is no such cluster, or Ray is not installed
    """
    from tqdm import tqdm

    workers = min(workers or count_cores(), len(items))
    hidden = not (items and show_progress)
    chunk_size = chunk_size or _chunk_size(items)
    with tqdm(total=len(items), desc=title, unit=unit, disable=hidden, mininterval=1) as bar:
        if not items:
            return
        if cluster:
            results = _on_cluster(function, items, cluster, chunk_size)
        elif workers > 1 and _has_semaphores():
            results = _on_cores(function, items, workers, chunk_size)
        else:
            results = _in_this_process(function, items)
        with closing(results):
            for result in results:
                yield result
                bar.update()


def _in_this_process(
    function: Callable[[Item], Result], items: Collection[Item]
) -> Generator[Result, None, None]:
    with threads.single_threaded():
        yield from map(function, items)


def _on_cores(
    function: Callable[[Item], Result], items: Collection[Item], workers: int, chunk_size: int
) -> Generator[Result, None, None]:
    pool = _workers(workers, function)
    try:
        for result in pool.map(_call, items, chunksize=chunk_size):
            yield cast(Result, result)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _has_semaphores() -> bool:
    """Return whether processes can share a lock here; without, this one computes all by itself."""
    try:
        get_context("spawn").Lock()
    except (OSError, ImportError) as error:
        log.warning(
            "avemo: one process computes, because several need /dev/shm, which cannot be used here "
            f"({error}): mount it, such as by `docker run --shm-size 1g`, to use every core"
        )
        return False
    return True


def _workers(count: int, function: Callable[[Item], object]) -> ProcessPoolExecutor:
    os.environ.update(_ALLOCATOR)  # read by a process when it starts
    # spawn: a forked copy of a process with threads (TensorFlow, OpenCV) may hang
    return ProcessPoolExecutor(
        count, get_context("spawn"), initializer=_start, initargs=(function,)
    )


#: of a worker
_function: Callable[[Any], object]


def _start(function: Callable[[Item], object]) -> None:
    global _function
    threads.limit_process()
    _function = function


def _call(item: object) -> object:
    return _function(item)


def _chunk_size(items: Collection[object]) -> int:
    """Return how many items a worker gets at a time by default."""
    return max(1, min(32, len(items) // 64))


def _on_cluster(
    function: Callable[[Item], Result], items: Collection[Item], address: str, chunk_size: int
) -> Generator[Result, None, None]:
    with connect_to_ray(address) as ray:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        content = pickle.dumps(function)
        rows = [{"item": pickle.dumps(item)} for item in items]
        blocks = -(-len(rows) // chunk_size)
        data = ray.data.from_items(rows, override_num_blocks=blocks)
        for row in data.map(_remote, fn_args=(content,)).iter_rows():
            result = pickle.loads(row["result"])
            if isinstance(result, _Raised):
                raise result.error
            yield cast(Result, result)


class _Raised:
    """An exception of a function on the cluster."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _remote(row: dict[str, bytes], content: bytes) -> dict[str, bytes]:
    try:
        result = _load_function(content)(pickle.loads(row["item"]))
    except Exception as error:
        result = _Raised(error)
    return {"result": pickle.dumps(result)}


@lru_cache(maxsize=1)
def _load_function(content: bytes) -> Callable[[object], object]:
    """Return the function, the same object for every call of a worker."""
    threads.limit_process()
    function: Callable[[object], object] = pickle.loads(content)
    return function


@contextmanager
def connect_to_ray(address: str) -> Iterator[ModuleType]:
    """Yield Ray, connected to a cluster; its workers get this package from this machine.

    Raises:
        SettingsError: there is no such cluster, it wants a token, or Ray is not installed
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise SettingsError(
            "engine: ray needs the package ray, which is not installed: pip install 'avemo[ray]', "
            "or set engine: local in params.yaml"
        ) from None
    try:
        host, _, port = address.rpartition(":")
        if host:  # Ray itself waits for minutes
            socket.create_connection((host, int(port)), timeout=5).close()
        ray.init(
            address,
            runtime_env={
                "py_modules": [str(Path(__file__).parent)],
                "env_vars": _ALLOCATOR | threads.VARIABLES,
            },
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise SettingsError(
            f"ray.address: no Ray cluster at {address} ({error}): start one "
            "with `ray start --head`, set RAY_AUTH_MODE=token if it wants a token, or set "
            "engine: local in params.yaml (docs/cluster.md)"
        ) from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield ray
    finally:
        ray.shutdown()
