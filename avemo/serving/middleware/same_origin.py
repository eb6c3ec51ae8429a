"""No other site's page may use the service through its reader's browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..asgi import App, Receive, Scope, Send, header
from ..refusal import Refusal

__all__ = ["SameOrigin"]

#: the names of this machine by which a browser asks a service that wants no key
_LOCAL = ("localhost", "127.0.0.1", "::1")


class SameOrigin:
    """Refuse what a page of another site sends, and on loopback a name that is not this machine's.

    A site can point its own name to 127.0.0.1: without the second rule its page would be of the
    same origin as the service.

    Args:
        app: the application
        local_names_only: whether the service is for this machine alone, and wants no key
    """

    def __init__(self, app: App, *, local_names_only: bool) -> None:
        self.app = app
        self._local_names_only = local_names_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] == "http":
            host = header(scope, "host") or ""
            if self._local_names_only and urlsplit(f"//{host}").hostname not in _LOCAL:
                raise Refusal(
                    421, "host", f"the service is asked for as {' or '.join(_LOCAL)}", close=True
                )
            origin = header(scope, "origin")
            if origin is not None and urlsplit(origin).netloc != host:
                raise Refusal(403, "origin", "another site's page may not use it", close=True)
        await self.app(scope, receive, send)
