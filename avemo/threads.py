"""One thread of whatever computes features, so that they are the same to the last bit anywhere.

With several threads a library splits a sum otherwise on a machine of more cores, and rounds
otherwise. NumPy, SciPy and OpenCV can be limited for a while; TensorFlow only once, before it
computes for the first time. Numba and soxr use one thread in librosa. ONNX Runtime and TensorFlow
Lite get one thread where a session is made, FFmpeg where a file is opened.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module

__all__ = ["VARIABLES", "limit_process", "limit_tensorflow", "single_threaded"]

#: read by each library when it is loaded, by TensorFlow when it first computes
VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}

_lock = threading.Lock()
_users = 0
_limits = ExitStack()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit NumPy, SciPy and OpenCV to one thread inside the block, as well as what it loads.

    Blocks of several threads may overlap: the limits end with the last of them.
    """
    from threadpoolctl import threadpool_limits

    global _users
    with _lock:
        if not _users:
            _enter()
        _users += 1
    try:
        with threadpool_limits(1, "openmp"):  # of OpenMP each thread has limits of its own
            yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limits.close()


def limit_process() -> None:
    """Limit all of them for as long as this process lives: it will train nothing."""
    from threadpoolctl import threadpool_limits

    _enter()
    _limits.pop_all()
    threadpool_limits(1, "openmp")


def limit_tensorflow() -> bool:
    """Give TensorFlow one thread for as long as this process lives, if it is imported.

    Returns:
        False where it has already computed with more, which it cannot undo
    """
    if "tensorflow" not in sys.modules:
        return True
    # TensorFlow is loaded already: this waits where another thread still loads it
    config = import_module("tensorflow").config
    try:
        config.threading.set_intra_op_parallelism_threads(1)
        config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        set_to = (
            config.threading.get_intra_op_parallelism_threads(),
            config.threading.get_inter_op_parallelism_threads(),
        )
        return all(
            (threads or os.environ.get(name)) in (1, "1")
            for threads, name in zip(set_to, names, strict=True)
        )
    return True


def _enter() -> None:
    from threadpoolctl import ThreadpoolController

    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(VARIABLES)
    _limits.callback(_restore, before)
    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        # threadpoolctl lets only one thread of a process limit OpenBLAS; a server has many
        limit = getattr(library, "_real_set_num_threads", library.set_num_threads)
        _limits.callback(limit, library.num_threads)
        limit(1)
    if "cv2" in sys.modules:
        import cv2

        _limits.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)


def _restore(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
