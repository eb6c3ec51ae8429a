"""Whether the service lives, whether it answers and why not, and its counters."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from ..answers import model_fields
from ..metrics import CONTENT_TYPE
from ..service import Service
from ..shadow.shadow import ShadowState
from ..versions.follower import RefusedVersion

__all__ = ["router"]

_PROBE = ["GET", "HEAD"]


def router(service: Service) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["health"])

    @routes.api_route("/healthz", methods=_PROBE, summary="Whether the process lives")
    async def alive() -> JSONResponse:
        """Return 200 as long as the process can answer at all."""
        return JSONResponse({"alive": True})

    @routes.api_route("/readyz", methods=_PROBE, summary="Whether it answers, and why not")
    async def ready() -> JSONResponse:
        """Return 200 where a version answers, else 503.

        The body names what is not as it should be also where an older version answers on: a new
        one that was refused, a registry that is away.
        """
        readiness, follower = service.readiness(), service.follower
        content: dict[str, object] = {
            "ready": readiness.ready,
            "reason": readiness.reason,
            "model": model_fields(served) if (served := service.current.served) else None,
            "activity": follower.activity,
            "registry": {
                "answers": follower.away_since is None and follower.last_contact is not None,
                "away_since": _iso(follower.away_since),
                "last_contact": _iso(follower.last_contact),
                "trouble": follower.trouble,
            },
            "refused": _refused_fields(follower.refused),
            "shadow": _shadow_fields(service.shadow.state()) if service.shadow else None,
            "record": service.recorder.to_dict(),
        }
        return JSONResponse(content, 200 if readiness.ready else 503)

    @routes.get("/metrics", summary="Counters, for Prometheus")
    async def metrics() -> Response:
        """Return the counters as text."""
        return Response(service.metrics.render(service.state()), media_type=CONTENT_TYPE)

    return routes


def _refused_fields(refused: RefusedVersion | None) -> dict[str, object] | None:
    if refused is None:
        return None
    return {
        "version": refused.label,
        "reason": refused.reason,
        "since": _iso(refused.since),
        "trials": refused.trials,
    }


def _shadow_fields(state: ShadowState) -> dict[str, object]:
    """Return how the comparison with another version stands; no answer waits for it."""
    return {
        "version": state.candidate,
        "champion": state.champion,
        "activity": state.activity,
        "trouble": state.trouble,
        "refused": _refused_fields(state.refused),
        "counts": state.counts and state.counts.model_dump(),
    }


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")
