"""Why a request gets no answer, as the client reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import AvemoError

if TYPE_CHECKING:
    from .asgi import Scope, Send

__all__ = ["Refusal", "error_content", "hung_up", "internal_failure", "send_refusal"]


class Refusal(AvemoError):
    """A request that is not answered.

    Args:
        status: of HTTP
        code: what is wrong, one short word, such as `too-large`
        message: what is wrong, and what to do, in a sentence
        retry_after_s: when to come again
        close: end the connection, since the request's body is not read to its end
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: int | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.close = close

    @property
    def headers(self) -> dict[str, str]:
        """Those that the answer has besides its content's."""
        headers = {}
        if self.retry_after_s is not None:
            headers["retry-after"] = str(self.retry_after_s)
        if self.close:
            headers["connection"] = "close"
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return headers


def hung_up() -> Refusal:
    """Return what ends the work for a client that has hung up."""
    return Refusal(499, "gone", "the client has hung up", close=True)


def internal_failure() -> Refusal:
    """Return the answer where the service itself fails."""
    message = "the service failed to answer; its log has the request's id"
    return Refusal(500, "internal", message, close=True)


def error_content(path: str, code: str, message: str, request_id: str) -> dict[str, object]:
    """Return the JSON of an error, as the clients of an address expect it.

    Args:
        path: of the request; `/v2` is the Open Inference Protocol's, `/invocations` MLflow's
        code: see `Refusal`
        message: likewise
        request_id: of the request
    """
    if path.startswith("/v2"):
        return {"error": message, "code": code, "request_id": request_id}
    content: dict[str, object] = {
        "error": {"code": code, "message": message, "request_id": request_id}
    }
    if path == "/invocations":
        content |= {"error_code": code.upper().replace("-", "_"), "message": message}
    return content


async def send_refusal(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer a request with its refusal, where no answer has begun."""
    request_id = str(scope.get("state", {}).get("request_id", ""))
    content = error_content(scope["path"], refusal.code, refusal.message, request_id)
    body = json.dumps(content).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    headers |= refusal.headers
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
