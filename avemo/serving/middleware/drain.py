"""Requests under way are counted; while the service is being stopped, no new work begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..asgi import App, Receive, Scope, Send
from ..refusal import Refusal

if TYPE_CHECKING:
    from ..service import Service

__all__ = ["Drain"]


class Drain:
    """Refuse work on a service that is being stopped, so that it can end.

    Args:
        app: the application
        service: says whether it is being stopped, and gets the number of requests
    """

    def __init__(self, app: App, *, service: Service) -> None:
        self.app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        if self._service.draining:
            raise Refusal(
                503,
                "stopping",
                "the service is being stopped: ask again, another one may answer",
                retry_after_s=1,
                close=True,
            )
        self._service.requests += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._service.requests -= 1
