"""`GET /v1/model`: the version that answers, its card, its limits, what it is for and what not."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ..answers import version_headers
from ..service import Service

__all__ = ["router"]


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["model"])

    @routes.get("/v1/model", summary="The version that answers")
    async def model() -> JSONResponse:
        """Return name, version, card, licences, figures, and what the answers are for."""
        with service.current.use() as served:
            content: dict[str, object] = served.description.to_dict(
                since=served.since.isoformat(timespec="seconds"),
                purpose=service.config.serving.purpose,
            )
            content["adapts"] = bool(served.loaded.space)
            recorder = service.recorder
            content["record_days"] = recorder.retention_days if recorder.is_on else None
            return JSONResponse(content, headers=version_headers(served))

    return routes
