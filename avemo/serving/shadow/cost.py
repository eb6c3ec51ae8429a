"""What an answer takes: seconds, and seconds of the processor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["AnswerCost"]


class AnswerCost:
    """Measured in the thread that answers; decoding is in another process."""

    def __init__(self) -> None:
        self.answer_s = 0.0
        self.processor_s = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure the block."""
        start, processor_start = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.answer_s = time.perf_counter() - start
            self.processor_s = time.thread_time() - processor_start
