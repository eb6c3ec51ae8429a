"""A key for whoever asks: `Authorization: Bearer KEY` or `X-API-Key: KEY`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from ..asgi import App, Receive, Scope, Send, header
from ..refusal import Refusal

__all__ = ["Key"]

#: open to whoever reaches the service: whether it lives, and the page, which asks for the key. A
#: webhook has a signature of its own
_OPEN = {"/", "/registry", "/favicon.ico", "/healthz", "/readyz", "/hooks/mlflow"}
_OPEN |= {"/v2/health/live", "/v2/health/ready"}
_OPEN_FOLDER = "/static/"


class Key:
    """Refuse requests without a key, in a time that says nothing about the keys.

    Args:
        app: the application
        digests: SHA-256 of each key; none where the service wants no key
    """

    def __init__(self, app: App, *, digests: Sequence[bytes]) -> None:
        self.app = app
        self._digests = digests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] == "http" and self._digests and not _is_open(scope["path"]):
            digest = hashlib.sha256(_sent_key(scope).encode()).digest()
            # all are compared, so that the time does not tell which key is near
            if sum(hmac.compare_digest(digest, accepted) for accepted in self._digests) == 0:
                raise Refusal(
                    401,
                    "key",
                    "a key is needed: send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
                    close=True,
                )
        await self.app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in _OPEN or (path.startswith(_OPEN_FOLDER) and ".." not in path)


def _sent_key(scope: Scope) -> str:
    scheme, _, bearer = (header(scope, "authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    return header(scope, "x-api-key") or ""
