"""`/v1/speakers`: who is enrolled; only where `serving.speakers` in params.yaml says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ...errors import AvemoError, SettingsError
from ..adaptation import require_adaptation
from ..answers import model_fields, prediction_fields, version_headers
from ..enrolment import MeasuredUpload, measure
from ..examples import DELETED, ENROLLED_SPEAKER, SPEAKERS, files_body, json_answer
from ..refusal import Refusal
from ..service import Service
from ..speakers.names import normalise_name
from ..speakers.store import Enrolment, FullError, SpeakerStore
from ..versions.current import ServedVersion
from ..waiting import hang_up_watched
from .form import admitted_form

__all__ = ["router"]

_FIELDS = {"neutral": "true or false", "again": "true or false"}


def router(service: Service) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["speakers"])

    @routes.post(
        "/v1/speakers/{name}",
        summary="Enrol a person",
        openapi_extra=files_body(_FIELDS),
        responses=json_answer(ENROLLED_SPEAKER, "what is kept, and what became of each clip"),
    )
    async def enrol(
        request: Request, name: str, neutral: bool = False, again: bool = False
    ) -> JSONResponse:
        """Add clips to what is known of a person, by the version that answers now.

        A clip counts once. `neutral` says that the person speaks neutrally in these clips, `again`
        that what is known by this version is forgotten first. Statistics are kept, and no voice.
        """
        store = service.speakers.require_store()
        name = _require_name(name)
        async with admitted_form(service, request, _FIELDS) as form:
            is_neutral, begin = form.flag("neutral", neutral), form.flag("again", again)
            with service.current.use() as served:
                require_adaptation(served, neutral=is_neutral)
                clips = []
                async with hang_up_watched(request.receive) as hang_up:
                    for upload in form.uploads:
                        before = None if begin else await _find(store, name, served)
                        clip = await measure(
                            service,
                            served,
                            upload,
                            hang_up,
                            known=before.sums if before else None,
                            neutral=is_neutral,
                        )
                        added = await _add(
                            store, name, served, clip, neutral=is_neutral, again=begin
                        )
                        begin = begin and not added
                        fields = prediction_fields(clip.prediction, upload.name)
                        clips.append({"added": added, **fields})
                now = await _find(store, name, served)
                content = {
                    "model": model_fields(served),
                    "speaker": _fields(now, service.speakers.retention) if now else None,
                    "clips": clips,
                }
                return JSONResponse(content, headers=version_headers(served))

    @routes.get(
        "/v1/speakers",
        summary="Who is enrolled",
        responses=json_answer(SPEAKERS, "a line for each person and space, by name"),
    )
    async def speakers() -> JSONResponse:
        """Return who is enrolled, with which version, and until when."""
        store = service.speakers.require_store()
        enrolments = await asyncio.to_thread(store.enrolments)
        retention = service.speakers.retention
        return JSONResponse({"speakers": [_fields(own, retention) for own in enrolments]})

    @routes.delete(
        "/v1/speakers/{name}",
        summary="Delete all that is kept of a person",
        responses=json_answer(DELETED, "how many files are deleted"),
    )
    async def delete(name: str) -> JSONResponse:
        """Delete all that is kept of a person."""
        store = service.speakers.require_store()
        deleted = await asyncio.to_thread(store.delete, _require_name(name))
        if not deleted:
            raise Refusal(404, "speaker", "nobody is enrolled by this name")
        return JSONResponse({"deleted": deleted})

    return routes


def _require_name(name: str) -> str:
    try:
        return normalise_name(name)
    except SettingsError as error:
        raise Refusal(422, "speaker-name", str(error), close=True) from None


async def _find(store: SpeakerStore, name: str, served: ServedVersion) -> Enrolment | None:
    """Return what is kept of a person in the space of a version."""
    try:
        enrolments: Sequence[Enrolment] = await asyncio.to_thread(store.find, name)
    except AvemoError:
        message = "what is kept of this person is damaged: delete it, and enrol the person again"
        raise Refusal(409, "damaged", message) from None
    return next((own for own in enrolments if own.sums.space == served.loaded.space), None)


async def _add(
    store: SpeakerStore,
    name: str,
    served: ServedVersion,
    clip: MeasuredUpload,
    *,
    neutral: bool,
    again: bool,
) -> bool:
    """Add a clip to the store, and return whether it was not there yet."""
    if clip.statistics is None:
        return False
    try:
        return await asyncio.to_thread(
            store.add,
            name,
            clip.statistics,
            model=served.description.label,
            sha256=clip.sha256,
            neutral=neutral,
            again=again,
        )
    except FullError as error:
        raise Refusal(409, "speakers-full", str(error)) from None


def _fields(own: Enrolment, retention: timedelta) -> dict[str, object]:
    sums = own.sums
    return {
        "name": own.name,
        "clips": sums.clips,
        "neutral_clips": sums.neutral_clips,
        "model": own.model,
        "changed": own.changed.isoformat(timespec="seconds"),
        "expires": (own.changed + retention).isoformat(timespec="seconds"),
    }
