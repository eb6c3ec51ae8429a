"""A queue that is bounded in seconds of media, and when to come again if it is full."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .refusal import Refusal

__all__ = ["Admission", "Place"]

#: bytes of a second of media, where nothing better is known: a clip of a telephone
_BYTES_A_SECOND = 150_000
#: of a place in the queue: the shortest clip costs as much
_SHORTEST_S = 1.0
#: how much of the measured rate the newest answer decides
_NEWEST = 0.1
#: media seconds a second and worker, before anything is measured
_FIRST_RATE = 2.0


class Place:
    """A request's place in the queue.

    Args:
        admission: the queue
        seconds: of its media, by its bytes
    """

    def __init__(self, admission: Admission, seconds: float) -> None:
        self._admission = admission
        self.seconds = seconds

    def set_bytes(self, sizes: Sequence[int]) -> None:
        """Take how large each of the media is, now that it is known."""
        seconds = sum(map(estimate_seconds, sizes))
        self._admission.reserved_s += seconds - self.seconds
        self.seconds = seconds


class Admission:
    """Places for requests, so many seconds of media at a time.

    A place is taken before the upload, so that a request that must wait too long is refused before
    it has sent anything. A refused one is told when there will be room for it, after those that
    were told so before.

    Args:
        workers: that answer at a time
        max_queue_s: seconds of media that wait
    """

    def __init__(self, workers: int, max_queue_s: float) -> None:
        self._workers = workers
        self._max_queue_s = max_queue_s
        self._rate = _FIRST_RATE
        self._measured = False
        self._promises: list[tuple[float, float]] = []  # when they come again, with which seconds
        self.reserved_s = 0.0
        self.running_s = 0.0

    @property
    def rate(self) -> float:
        """Seconds of media that all workers together answer in a second, as measured."""
        return self._rate * self._workers

    @property
    def waiting_s(self) -> float:
        """Seconds of media that have a place, and no worker yet."""
        return max(0.0, self.reserved_s - self.running_s)

    @contextmanager
    def place(self, size: int | None) -> Iterator[Place]:
        """Take a place for the block.

        Args:
            size: bytes of the request; None where it does not say

        Raises:
            Refusal: 503 with when to come again
        """
        seconds = estimate_seconds(size or 0)
        waiting_s = self.waiting_s
        # one request is always let in, however long it is
        if waiting_s and waiting_s + seconds > self._max_queue_s:
            raise Refusal(
                503,
                "busy",
                f"{waiting_s:.0f} s of media wait already, {self._max_queue_s:g} s at most may",
                retry_after_s=self._promise(waiting_s, seconds),
            )
        place = Place(self, seconds)
        self.reserved_s += seconds
        try:
            yield place
        finally:
            self.reserved_s -= place.seconds

    def begin(self, seconds: float) -> None:
        """Take that a worker begins with some seconds of media."""
        self.running_s += seconds

    def end(self, seconds: float) -> None:
        """Take that it has ended with them."""
        self.running_s -= seconds

    def measure(self, seconds: float, elapsed_s: float) -> None:
        """Take how long an answer took.

        Args:
            seconds: of its media, by the same estimate
            elapsed_s: of the worker
        """
        rate = seconds / max(elapsed_s, 1e-3)
        self._rate = rate if not self._measured else self._rate + _NEWEST * (rate - self._rate)
        self._measured = True

    def _promise(self, waiting_s: float, seconds: float) -> int:
        """Return in how many seconds there is room for some more seconds of media."""
        now = time.monotonic()
        while self._promises and self._promises[0][0] <= now:
            heapq.heappop(self._promises)
        promised_s = sum(promised for _, promised in self._promises)
        excess_s = waiting_s + promised_s + seconds - self._max_queue_s
        retry_after_s = max(1, math.ceil(excess_s / self.rate) + 1)
        heapq.heappush(self._promises, (now + retry_after_s, seconds))
        return retry_after_s


def estimate_seconds(size: int) -> float:
    """Return how many seconds of media so many bytes count for."""
    return max(_SHORTEST_S, size / _BYTES_A_SECOND)
