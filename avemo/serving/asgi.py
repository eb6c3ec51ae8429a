"""The types of ASGI, and how its headers and an answer's status are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = [
    "App",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "SendNotingStatus",
    "add_headers",
    "has_body",
    "header",
    "route_path",
    "with_headers",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: str) -> str | None:
    """Return a header of the request; None where it has none, or more than one of that name.

    Args:
        scope: of the request
        name: in lower case
    """
    values = [value for key, value in scope["headers"] if key == name.encode()]
    return values[0].decode("latin-1") if len(values) == 1 else None


def add_headers(message: Message, **headers: str) -> None:
    """Add headers to the start of an answer, those that it does not have yet.

    Args:
        message: the answer's start
        headers: `_` stands for `-`
    """
    existing = {key.lower() for key, _ in message.get("headers", [])}
    message["headers"] = [
        *message.get("headers", []),
        *(
            (key, value.encode("latin-1"))
            for key, value in ((k.replace("_", "-").encode(), v) for k, v in headers.items())
            if key not in existing
        ),
    ]


def with_headers(send: Send, **headers: str) -> Send:
    """Return what sends an answer on with further headers, those that it does not have yet.

    Args:
        send: sends it
        headers: `_` stands for `-`
    """

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            add_headers(message, **headers)
        await send(message)

    return send_with_headers


class SendNotingStatus:
    """Sends an answer on, and notes its status; None as long as no answer has begun.

    Args:
        send: sends it
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        """Send a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def has_body(scope: Scope) -> bool:
    """Return whether a request says that it has a body."""
    chunked = header(scope, "transfer-encoding") is not None
    return chunked or header(scope, "content-length") not in (None, "0")


def route_path(scope: Scope) -> str:
    """Return the pattern of the route that took a request, such as `/v2/models/{name}/infer`."""
    return str(getattr(scope.get("route"), "path", "other"))
