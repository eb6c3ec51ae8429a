"""`GET /v1/registry` and `/registry.atom`: versions, aliases, moves, checks and cards."""

from __future__ import annotations

import re
from typing import Any, cast

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response

from ...registry.history import Move
from ...registry.move_text import ATOM_TYPE, render_feed
from ..refusal import Refusal
from ..service import Service

__all__ = ["router"]


def router(service: Service) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["registry"])

    @routes.get("/v1/registry", summary="Versions, aliases and the champion's moves")
    async def registry() -> JSONResponse:
        """Return what the registry holds of the model that is served, half a minute old at most."""
        return JSONResponse(await service.registry.read())

    @routes.get("/registry.atom", summary="The champion's moves, as an Atom feed")
    async def feed() -> Response:
        """Return the moves, the newest first, half a minute old at most."""
        content = await service.registry.read()
        moves = [Move(**fields) for fields in cast(list[dict[str, Any]], content["moves"])]
        links = {"self": "registry.atom", "alternate": "registry"}
        text = render_feed({str(content["name"]): moves}, links)
        return Response(text, media_type=f"{ATOM_TYPE}; charset=utf-8")

    @routes.get("/v1/registry/versions/{version}/card", summary="A version's model card")
    async def card(version: str) -> HTMLResponse:
        """Return the card as a page."""
        served = service.current.served
        if served and served.description.version == version and served.description.card_html:
            return HTMLResponse(served.description.card_html)
        if not re.fullmatch(r"[1-9]\d{0,8}", version):
            raise Refusal(404, "not-found", "a version is a number")
        return HTMLResponse(await service.registry.card(version))

    return routes
