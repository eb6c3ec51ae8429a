"""An answer that is sent piece by piece while its request still comes in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from fastapi.responses import Response

from .asgi import Receive, Scope, Send

__all__ = ["Stream"]


class Stream(Response):
    """Send what a generator yields.

    Starlette's own class reads the request to see whether the client has hung up, and would take
    the upload away from who reads it.

    Args:
        pieces: is closed whatever happens
        media_type: of the content
        headers: of the answer
    """

    def __init__(
        self, pieces: AsyncGenerator[str, None], *, media_type: str, headers: Mapping[str, str]
    ) -> None:
        self._pieces = pieces
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        try:
            await send(head)
            async for piece in self._pieces:
                content = {"type": "http.response.body", "body": piece.encode(), "more_body": True}
                await send(content)
        finally:
            await self._pieces.aclose()
        await send({"type": "http.response.body", "body": b""})
