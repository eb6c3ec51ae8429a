"""Headers that tell a browser what the page may do, and nobody to keep an answer."""

from __future__ import annotations

from ..asgi import App, Receive, Scope, Send, with_headers

__all__ = ["SecurityHeaders"]

_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: a model card is a page of its own, with its styles in it
_CARD = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


class SecurityHeaders:
    """Add a strict content security policy and its like to every answer.

    There is no header of CORS: no other site's page can read an answer.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        send = with_headers(
            send,
            content_security_policy=_CARD if path.endswith("/card") else _PAGE,
            x_content_type_options="nosniff",
            referrer_policy="no-referrer",
            cross_origin_opener_policy="same-origin",
            cross_origin_resource_policy="same-origin",
            permissions_policy="camera=(self), microphone=(self), geolocation=()",
            cache_control="no-cache" if path.startswith("/static/") else "no-store",
        )
        await self.app(scope, receive, send)
