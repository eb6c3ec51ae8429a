"""One thread of whatever computes features, so that they are the same to the last bit anywhere.

With several threads, a library splits a sum by the number of cores, and rounds differently on
another machine. NumPy, SciPy and OpenCV can be limited for a while. Numba and soxr use one thread
in librosa. ONNX Runtime gets one thread when a session is made, FFmpeg when a file is opened.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

__all__ = ["VARIABLES", "limit_process", "single_threaded"]

#: read by each library when it is loaded
VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}

_lock = threading.Lock()
_users = 0
_limits = ExitStack()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit NumPy, SciPy, OpenCV and what the block loads to one thread inside the block.

    Blocks of several threads may overlap: the limits end with the last of them.
    """
    from threadpoolctl import threadpool_limits

    global _users
    with _lock:
        if not _users:
            _limit_libraries()
        _users += 1
    try:
        with threadpool_limits(1, "openmp"):  # OpenMP has a limit for each thread
            yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limits.close()


def limit_process() -> None:
    """Limit the libraries for as long as this process lives, which must not train anything."""
    from threadpoolctl import threadpool_limits

    _limit_libraries()
    _limits.pop_all()
    threadpool_limits(1, "openmp")


def _limit_libraries() -> None:
    from threadpoolctl import ThreadpoolController

    previous = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(VARIABLES)
    _limits.callback(_restore_variables, previous)
    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        # threadpoolctl lets only one thread of a process limit OpenBLAS; a server has many
        set_threads = getattr(library, "_real_set_num_threads", library.set_num_threads)
        _limits.callback(set_threads, library.num_threads)
        set_threads(1)
    if cv2 := sys.modules.get("cv2"):
        _limits.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)


def _restore_variables(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
