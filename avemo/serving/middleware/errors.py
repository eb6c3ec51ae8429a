"""A refusal, or an error that nobody foresaw, becomes an answer in JSON."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..asgi import App, Receive, Scope, Send, SendNotingStatus
from ..refusal import Refusal, internal_failure, send_refusal

if TYPE_CHECKING:
    from ..metrics import Metrics

__all__ = ["Errors"]

log = logging.getLogger(__name__)


class Errors:
    """Answer for whatever the layers inside raise; the client reads no traceback.

    Args:
        app: the application
        metrics: counts refusals
    """

    def __init__(self, app: App, *, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = SendNotingStatus(send)
        try:
            await self.app(scope, receive, answer)
        except Refusal as refusal:
            self._metrics.refusals.labels(refusal.code).inc()
            if answer.status is None:
                await send_refusal(scope, send, refusal)
        except Exception:
            log.exception("avemo: request %s failed", scope["state"]["request_id"])
            if answer.status is None:
                await send_refusal(scope, send, internal_failure())
