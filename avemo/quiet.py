"""Libraries that talk too much."""

import logging
import os
import sys
import tempfile

from . import threads

__all__ = ["tensorflow"]


def tensorflow() -> None:
    """Import TensorFlow without the lines that it writes whatever its log level.

    They come from C++, so that only the file descriptor itself can be turned away. Where features
    are computed, it gets one thread; see `threads`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # a network after the other is meant, and each is traced anew
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "tensorflow" not in sys.modules:
        _import()
    if os.environ.get("TF_NUM_INTRAOP_THREADS") == "1":
        threads.limit_tensorflow()


def _import() -> None:
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(kept, 2)
            os.close(kept)
