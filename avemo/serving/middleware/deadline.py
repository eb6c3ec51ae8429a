"""One deadline for all of a request: upload, queue, decoding, network and answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..asgi import App, Message, Receive, Scope, Send, has_body
from ..refusal import Refusal

__all__ = ["Deadline"]


class Deadline:
    """Cancel a request that takes too long.

    What works for it sees the cancellation and stops its decoder. `body_complete` in the request's
    state tells a slow sender from a slow answer.

    Args:
        app: the application
        limit_s: from a request's path to its seconds
    """

    def __init__(self, app: App, *, limit_s: Callable[[str], float]) -> None:
        self.app = app
        self._limit_s = limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit_s = self._limit_s(scope["path"])
        scope["state"]["body_complete"] = not has_body(scope)

        async def receive_noting_end() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                scope["state"]["body_complete"] = True
            return message

        try:
            async with asyncio.timeout(limit_s):
                await self.app(scope, receive_noting_end, send)
        except TimeoutError:
            if scope["state"]["body_complete"]:
                message = f"no answer within {limit_s:g} s: send a shorter clip, or try again later"
                raise Refusal(504, "deadline", message) from None
            message = f"the upload did not end within {limit_s:g} s"
            raise Refusal(408, "slow-upload", message, close=True) from None
