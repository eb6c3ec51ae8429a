"""Requests, counted and timed for Prometheus by the pattern of their route."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..asgi import App, Receive, Scope, Send, SendNotingStatus, route_path

if TYPE_CHECKING:
    from ..metrics import Metrics

__all__ = ["Count"]

_METHODS = ("GET", "HEAD", "POST", "DELETE")
#: of a request whose client has hung up before its answer
_GONE = 499


class Count:
    """Count each request, also one whose client has hung up.

    Args:
        app: the application
        metrics: are counted up
    """

    def __init__(self, app: App, *, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, answer = time.perf_counter(), SendNotingStatus(send)
        try:
            await self.app(scope, receive, answer)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = route_path(scope)
            self._metrics.requests.labels(method, route, answer.status or _GONE).inc()
            self._metrics.request_seconds.labels(route).observe(time.perf_counter() - start)
