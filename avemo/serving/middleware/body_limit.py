"""The bytes of a request's body, counted as they arrive, whatever its header says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..asgi import App, Message, Receive, Scope, Send, add_headers, has_body, header
from ..refusal import Refusal

__all__ = ["BodyLimit"]


class BodyLimit:
    """Refuse a body that is too large, or whose sender sends nothing for too long.

    A body is counted before anybody parses or keeps it: one in chunks states no length, and a
    stated one may be wrong. Where an answer begins before the body has ended, the connection is
    closed after it.

    Args:
        app: the application
        max_bytes: from a request's scope to the bytes that it may have
        idle_s: the pause of a sender, at most
    """

    def __init__(self, app: App, *, max_bytes: Callable[[Scope], int], idle_s: float) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes, received, complete = self._max_bytes(scope), 0, not has_body(scope)
        stated = header(scope, "content-length")
        if stated and stated.isdecimal() and int(stated) > max_bytes:
            raise _too_large(max_bytes)

        async def receive_counting() -> Message:
            nonlocal received, complete
            if complete:  # what comes now is the end of the connection
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._idle_s)
            except TimeoutError:
                raise Refusal(
                    408,
                    "slow-upload",
                    f"nothing came for {self._idle_s:g} s: the upload is given up",
                    close=True,
                ) from None
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if received > max_bytes:
                    raise _too_large(max_bytes)
            return message

        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and not complete:
                add_headers(message, connection="close")
            await send(message)

        await self.app(scope, receive_counting, send_closing)


def _too_large(max_bytes: int) -> Refusal:
    message = f"the request is larger than {max_bytes / 1e6:g} MB: send less at a time"
    return Refusal(413, "too-large", message, close=True)
