"""A line a request: nothing of its media, its files' names, its query or its key."""

from __future__ import annotations

import logging
import time

from ..asgi import App, Receive, Scope, Send, SendNotingStatus, route_path

__all__ = ["AccessLog"]

log = logging.getLogger(__name__)

#: asked for every few seconds by whoever watches the service
_QUIET = ("/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready")


class AccessLog:
    """Log method, route, status, seconds and request id of each request.

    A route, not an address: what a client writes into an address does not get into the log.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self.app(scope, receive, send)
            return
        start, answer = time.perf_counter(), SendNotingStatus(send)
        try:
            await self.app(scope, receive, answer)
        finally:
            log.info(
                "avemo: %s %s %s %.3f s id=%s",
                scope["method"],
                route_path(scope),
                answer.status or "gone",
                time.perf_counter() - start,
                scope["state"]["request_id"],
            )
