"""`POST /v1/answers/ID/correction`: what a person says the emotion is."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StrictBool

from ..examples import CORRECTION, json_answer
from ..service import Service

__all__ = ["router"]


class CorrectionBody(BaseModel):
    """A correction; whatever else a client sends, such as a comment, is not kept.

    Args:
        emotion: one of the version's classes
        consent: the clip may be used for training
    """

    emotion: str
    consent: StrictBool = False


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["record"])

    @routes.post(
        "/v1/answers/{answer_id}/correction",
        summary="Correct an answer",
        responses=json_answer(CORRECTION, "what is recorded"),
    )
    async def correct(answer_id: str, body: CorrectionBody) -> JSONResponse:
        """Record what a person says the emotion is; only where answers are recorded.

        The id is `answer_id` in the answer of `/v1/predict` and in the last line of a timeline, and
        by every door in the header `X-Avemo-Answer`. Of several corrections, the last counts.
        """
        correction = await service.recorder.correct(answer_id, body.emotion, consent=body.consent)
        content = {
            "answer_id": correction.answer_id,
            "emotion": correction.emotion,
            "consent": correction.consent,
            "time": correction.time.isoformat(timespec="seconds"),
        }
        return JSONResponse(content)

    return routes
