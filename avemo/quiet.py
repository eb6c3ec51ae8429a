"""Libraries that talk too much."""

import logging
import os
import sys
import tempfile

__all__ = ["tensorflow"]


def tensorflow() -> None:
    """Import TensorFlow without the lines that it writes whatever its log level.

    They come from C++, so that only the file descriptor itself can be turned away.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # a network after the other is meant, and each is traced anew
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(kept, 2)
            os.close(kept)
