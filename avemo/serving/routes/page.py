"""The pages, and what belongs to them."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from ..refusal import Refusal

__all__ = ["STATIC", "router"]

STATIC = Path(__file__).parents[1] / "static"
_PROBE = ["GET", "HEAD"]


def router() -> APIRouter:
    """Return the routes of the two pages."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=_PROBE)
    async def recognise() -> FileResponse:
        return _page("index.html")

    @routes.api_route("/registry", methods=_PROBE)
    async def registry() -> FileResponse:
        return _page("registry.html")

    return routes


def _page(name: str) -> FileResponse:
    file = STATIC / name
    if not file.exists():
        raise Refusal(
            404, "not-found", "this installation has no pages; /openapi.json has the rest"
        )
    return FileResponse(file, media_type="text/html; charset=utf-8")
