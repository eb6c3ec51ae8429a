"""An id for each request, the client's own where it sends a plain one, and its trace's context."""

from __future__ import annotations

import re
import secrets

from ..asgi import App, Receive, Scope, Send, header, with_headers

__all__ = ["RequestId"]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: of W3C's Trace Context: version, trace, parent, flags
_TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class RequestId:
    """Put `request_id` and `traceparent` into the request's state, and into its answer's headers.

    A `traceparent` that comes in goes out with the same trace and a new parent: this request.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = header(scope, "x-request-id") or ""
        request_id = sent if _ID.fullmatch(sent) else secrets.token_hex(8)
        traceparent = _continue_trace(header(scope, "traceparent") or "")
        state = scope.setdefault("state", {})
        state["request_id"], state["traceparent"] = request_id, traceparent
        send = with_headers(send, x_request_id=request_id, traceparent=traceparent)
        await self.app(scope, receive, send)


def _continue_trace(traceparent: str) -> str:
    match = _TRACE.fullmatch(traceparent)
    trace, flags = (match[1], match[3]) if match else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
