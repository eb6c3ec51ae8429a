"""The request that a clip belongs to: the candidate gets the clip once the answer has gone."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..asgi import App, Receive, Scope, Send, header

if TYPE_CHECKING:
    from .backlog import WaitingClip

__all__ = ["SOURCE_HEADER", "AfterAnswer", "ShadowRequest", "current_request"]

#: by which a client says where a clip is from: a person, a camera, a project
SOURCE_HEADER = "x-avemo-source"


@dataclass
class ShadowRequest:
    """A request under way.

    Args:
        source: as the client names it; empty where it does not
        clips: of the sample, for the candidate
    """

    source: str
    clips: list[WaitingClip] = field(default_factory=list)


_request: ContextVar[ShadowRequest | None] = ContextVar("avemo_shadow_request", default=None)


def current_request() -> ShadowRequest | None:
    """Return the request that is being answered; None outside of any."""
    return _request.get()


class AfterAnswer:
    """Hand a request's clips over when the last byte of its answer has been sent.

    Args:
        app: the application
        release: takes the clips
    """

    def __init__(self, app: App, *, release: Callable[[list[WaitingClip]], None]) -> None:
        self.app = app
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = ShadowRequest(header(scope, SOURCE_HEADER) or "")
        token = _request.set(request)
        try:
            await self.app(scope, receive, send)
        finally:
            _request.reset(token)
            self._release(request.clips)
