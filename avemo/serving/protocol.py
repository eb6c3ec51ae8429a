"""HTTP on a connection, with a limit on how long a client may take for its headers."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Protocol"]

_HEADERS_S = 10.0


class Protocol(H11Protocol):
    """uvicorn's own, which would wait for the headers of a connection's first request for ever."""

    _headers_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._headers_timer = self.loop.call_later(_HEADERS_S, self._close_if_no_request)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._headers_timer:
            self._headers_timer.cancel()
        super().connection_lost(exc)

    def _close_if_no_request(self) -> None:
        if self.cycle is None and self.transport and not self.transport.is_closing():
            self.transport.close()
