"""`POST /v1/timeline`: rows of a clip as soon as each is complete, while the upload still comes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...errors import AvemoError, MediaError
from ..adaptation import STATISTICS, find_speaker, read_statistics, require_adaptation
from ..answers import model_fields, version_headers
from ..asgi import header
from ..examples import TIMELINE, files_body, json_answer
from ..notice import NOTICE
from ..record.inquiry import Inquiry
from ..record.rows import AnswerSettings
from ..refusal import Refusal, error_content
from ..service import Service
from ..streaming import Stream
from ..timelines import Row, Timeline, feed
from ..uploads import receive_form
from ..waiting import hang_up_watched

__all__ = ["router"]

NDJSON = "application/x-ndjson"
#: a timeline takes as long as its clip is long, which nobody knows before its end
_RETRY_S = 30
_MAX_WINDOW_S = 60.0

Seconds = Annotated[float | None, Query(gt=0, le=_MAX_WINDOW_S)]


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["timeline"])
    responses = json_answer({}, "lines of JSON: the version, a row each, the end")
    responses[200]["content"] = {NDJSON: {"example": TIMELINE}}

    @routes.post(
        "/v1/timeline",
        summary="Predict the emotion over the time of a clip",
        openapi_extra=files_body({STATISTICS: "of the speaker, as /v1/enrol gives them"}),
        responses=responses,
    )
    async def timeline(
        request: Request,
        window: Seconds = None,
        hop: Seconds = None,
        speaker: str | None = None,
        adapt: bool = False,
    ) -> Response:
        """Return lines of JSON: version and classes, then the rows, then `{"end": true, …}`.

        Where it fails after the first row, the last line is `{"error": …}`. `window` and `hop` are
        seconds; by default the version's own. With `speaker`, who is enrolled, or the field
        `statistics` of a form, rows adapt to a person from the start; with `adapt`, to each person
        as it goes. `adaptation` of each row says to what.
        """
        start = time.perf_counter()
        async with AsyncExitStack() as stack:
            served = stack.enter_context(service.current.use())
            try:
                windows = served.loaded.windows(window, hop)
            except AvemoError as error:
                raise Refusal(422, "parameter", str(error), close=True) from None
            known = await find_speaker(service, served, speaker)
            if adapt:
                require_adaptation(served)
            if service.timeline_workers.all_busy:
                count = service.timeline_workers.count
                raise Refusal(
                    503,
                    "busy",
                    f"{count} timelines are computed already, no more at a time",
                    retry_after_s=_RETRY_S,
                    close=True,
                )
            work = Timeline(served.loaded, windows, adapt=adapt)
            work.speaker = known
            received = asyncio.Event()
            kind = (header(request.scope, "content-type") or "").lower()
            files = stack.enter_context(ExitStack())
            if kind.startswith(("multipart/", "application/json", "text/")):
                form = await receive_form(
                    request.scope,
                    request.receive,
                    service.spool,
                    files,
                    max_files=1,
                    fields=(STATISTICS,),
                )
                upload = form.uploads[0]
                work.speaker = known or read_statistics(served, form.fields.get(STATISTICS))
                hang_up = await stack.enter_async_context(hang_up_watched(request.receive))
                work.media = path = upload.file.path
                received.set()
            else:
                spooled = files.enter_context(service.spool.new_file())
                path = spooled.path
                work.media = growing = served.loaded.growing_file(path)
                feeding = asyncio.create_task(feed(request.receive, spooled, growing, received))
                stack.callback(feeding.cancel)
                hang_up = feeding
            rows = stack.enter_context(work.started(service.timeline_workers, hang_up))
            try:
                first = await anext(rows, None)
            except AvemoError as error:
                raise _refusal(error) from None
            head = {
                "model": model_fields(served),
                "classes": list(served.description.classes),
                "window": windows.window_s,
                "hop": windows.hop_s,
                "notice": NOTICE,
            }
            request_id = str(request.state.request_id)
            settings = AnswerSettings(
                kind="timeline",
                window_s=windows.window_s,
                hop_s=windows.hop_s,
                adapt=adapt,
                adapted=work.speaker is not None,
            )

            async def record(rows: Sequence[Row]) -> str:
                complete = asyncio.ensure_future(received.wait())
                either: set[asyncio.Future[Any]] = {complete, hang_up}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                complete.cancel()
                if not received.is_set():  # the checksum of what never came is not known
                    return ""
                elapsed_s = time.perf_counter() - start
                return await service.recorder.record_timeline(
                    Inquiry.of(request.scope), served, rows, path, settings, elapsed_s
                )

            lines = _lines(
                stack.pop_all(),
                head,
                first,
                rows,
                request_id,
                record if service.recorder.is_on else None,
            )
            return Stream(lines, media_type=NDJSON, headers=version_headers(served))

    return routes


async def _lines(
    stack: AsyncExitStack,
    head: dict[str, object],
    first: Row | None,
    rows: AsyncIterator[Row],
    request_id: str,
    record: Callable[[Sequence[Row]], Awaitable[str]] | None,
) -> AsyncGenerator[str, None]:
    """Yield the lines of the answer, and then let go of what it took."""
    count, end_s = 0, 0.0
    recorded_rows: list[Row] = []
    async with stack:
        yield _line(head)
        row = first
        try:
            while row is not None:
                count, end_s = count + 1, max(end_s, float(row["end"]))
                if record:
                    recorded_rows.append(row)
                yield _line(row)
                row = await anext(rows, None)
        except AvemoError as error:
            refusal = _refusal(error)
            yield _line(error_content("", refusal.code, refusal.message, request_id))
        else:
            end: dict[str, object] = {"end": True, "duration": end_s, "rows": count}
            if record and (answer_id := await record(recorded_rows)):
                end["answer_id"] = answer_id
            yield _line(end)


def _refusal(error: AvemoError) -> Refusal:
    """Return what the client reads where a timeline fails."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, MediaError):
        return Refusal(422, error.finding, str(error), close=True)
    return Refusal(500, "model-failed", str(error), close=True)


def _line(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, allow_nan=False) + "\n"
