"""Work that takes a while, for workers that import it by name."""

import os
import time


def square(number: int) -> tuple[int, int]:
    """The square, and the process that computed it."""
    time.sleep(0.2)
    return number**2, os.getpid()
