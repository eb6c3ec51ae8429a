"""`POST /v1/predict`: one clip, or several."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ..adaptation import STATISTICS, find_speaker, read_statistics
from ..answers import model_fields, prediction_fields, version_headers
from ..examples import PREDICTIONS, files_body, json_answer
from ..record.inquiry import Inquiry
from ..refusal import Refusal
from ..service import Service
from ..waiting import gather_or_cancel, hang_up_watched
from .form import admitted_form

__all__ = ["router"]


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["predict"])

    @routes.post(
        "/v1/predict",
        summary="Predict the emotion in clips",
        openapi_extra=files_body({STATISTICS: "of the speaker, as /v1/enrol gives them"}),
        responses=json_answer(PREDICTIONS, "one prediction for each file, in their order"),
    )
    async def predict(request: Request, speaker: str | None = None) -> JSONResponse:
        """Return a prediction for each file of a form, or for the body as one file.

        A clip that cannot be used has a `finding` and a `reason` in place of probabilities. With
        `speaker`, who is enrolled, or the form's field `statistics`, predictions adapt to a person,
        and `adaptation` says to what.
        """
        if speaker is not None:  # before the upload, which a refusal spares
            with service.current.use() as served:
                await find_speaker(service, served, speaker)
        async with admitted_form(service, request, [STATISTICS]) as form:
            inquiry = Inquiry.of(request.scope)
            with service.current.use() as served:
                known = await find_speaker(service, served, speaker)
                sent = read_statistics(served, form.fields.get(STATISTICS))
                if known and sent:
                    message = "a speaker is named and statistics are sent: send one of both"
                    raise Refusal(422, "parameter", message)
                async with hang_up_watched(request.receive) as hang_up:
                    predicted = await gather_or_cancel(
                        [
                            service.answer(
                                served,
                                upload.file.path,
                                upload.file.size,
                                hang_up,
                                known or sent,
                                inquiry,
                            )
                            for upload in form.uploads
                        ]
                    )
                content = {
                    "model": model_fields(served),
                    "predictions": [
                        prediction_fields(answer.prediction, upload.name, answer.id)
                        for upload, answer in zip(form.uploads, predicted, strict=True)
                    ],
                }
                headers = version_headers(served, [answer.id for answer in predicted])
                return JSONResponse(content, headers=headers)

    return routes
