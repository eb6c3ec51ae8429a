"""The types of ASGI, and how its headers are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = [
    "App",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "add_headers",
    "has_body",
    "header",
    "route_path",
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


def has_body(scope: Scope) -> bool:
    """Return whether a request says that it has a body."""
    chunked = header(scope, "transfer-encoding") is not None
    return chunked or header(scope, "content-length") not in (None, "0")


def route_path(scope: Scope) -> str:
    """Return the pattern of the route that took a request, such as `/v2/models/{name}/infer`."""
    return str(getattr(scope.get("route"), "path", "other"))
