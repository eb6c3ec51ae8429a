"""Clients that send clips at the same time, and what became of their requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import requests

from .http_servers import Answer, Request, Server, wait_until

__all__ = ["Load", "ask_in_turn", "await_answer", "load_of", "quantile_s", "send_all"]

#: after a failed request, as a client would
_PAUSE_S = 0.25


def quantile_s(responses: Sequence[Answer], share: float) -> float:
    """Return how long answers take, at a quantile."""
    return float(np.quantile([answer.elapsed_s for answer in responses], share))


def await_answer(server: Server, request: Request) -> None:
    """Ask a server that is starting, again and again, until it answers.

    Raises:
        RuntimeError: it ends, or does not answer for minutes
    """
    with requests.Session() as session:
        wait_until(lambda: bool(request(session).emotion), server)


def ask_in_turn(requests_: Sequence[Request]) -> list[Answer]:
    """Return the answers to one client that asks again as soon as it is answered."""
    with requests.Session() as session:
        return [request(session) for request in requests_]


def send_all(requests_: Sequence[Request], clients: int) -> tuple[list[Answer], float]:
    """Return the answers to requests that some clients share, and the time for all in seconds."""
    local = threading.local()

    def send(request: Request) -> Answer:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        return request(local.session)

    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        responses = list(pool.map(send, requests_))
    return responses, time.perf_counter() - start


@dataclass
class Load:
    """What became of the requests of clients that ask on and on.

    Args:
        responses: in the order in which they came
    """

    responses: list[Answer] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[Answer]:
        """Return the answers that came in a span of the monotonic clock."""
        return [answer for answer in self.responses if start <= answer.ended_at < end]


@contextmanager
def load_of(clients: int, current: Callable[[], Sequence[Request]]) -> Iterator[Load]:
    """Let clients ask inside the block, each again as soon as it is answered.

    Args:
        clients: how many
        current: returns the requests that they send in turn, to the server that runs by then
    """
    load, lock, stop = Load(), threading.Lock(), threading.Event()

    def ask(number: int) -> None:
        session = requests.Session()
        while not stop.is_set():
            candidates = current()
            answer = candidates[number % len(candidates)](session)
            number += clients + 1
            with lock:
                load.responses.append(answer)
            if not answer.status:
                time.sleep(_PAUSE_S)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()
