"""`POST /v1/enrol`: what clips say of their speaker, which the service does not keep."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ..adaptation import STATISTICS, read_statistics, require_adaptation
from ..answers import model_fields, prediction_fields, version_headers
from ..enrolment import measure
from ..examples import ENROLLED, files_body, json_answer
from ..service import Service
from ..waiting import hang_up_watched
from .form import admitted_form

__all__ = ["router"]

_FIELDS = {
    STATISTICS: "what an earlier request gave: the clips are added",
    "neutral": "true or false",
}


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["speakers"])

    @routes.post(
        "/v1/enrol",
        summary="Measure how a person speaks, and keep nothing",
        openapi_extra=files_body(_FIELDS),
        responses=json_answer(ENROLLED, "the statistics, and what became of each clip"),
    )
    async def enrol(request: Request, neutral: bool = False) -> JSONResponse:
        """Return the statistics of the clips, for the field `statistics` of `/v1/predict`.

        They are sums of a few numbers, and hold no voice. `neutral` says that the person speaks
        neutrally in these clips. A clip that cannot be used has a `finding`.
        """
        async with admitted_form(service, request, _FIELDS) as form:
            is_neutral = form.flag("neutral", neutral)
            with service.current.use() as served:
                require_adaptation(served, neutral=is_neutral)
                known = read_statistics(served, form.fields.get(STATISTICS))
                clips, counted = [], set[str]()
                async with hang_up_watched(request.receive) as hang_up:
                    for upload in form.uploads:
                        clip = await measure(
                            service, served, upload, hang_up, known=known, neutral=is_neutral
                        )
                        is_new = clip.statistics is not None and clip.sha256 not in counted
                        if clip.statistics and is_new:
                            known = known + clip.statistics if known else clip.statistics
                            counted.add(clip.sha256)
                        fields = prediction_fields(clip.prediction, upload.name)
                        clips.append({"added": is_new, **fields})
                content = {
                    "model": model_fields(served),
                    "statistics": known.to_dict() if known else None,
                    "clips": clips,
                }
                return JSONResponse(content, headers=version_headers(served))

    return routes
