"""`POST /invocations`: as `mlflow models serve` answers, for clients that know it."""

from __future__ import annotations

import math
from asyncio import Future
from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ... import __version__
from ..answers import version_headers
from ..base64_media import decode_media, not_media, read_json
from ..examples import json_answer
from ..record.inquiry import Inquiry
from ..refusal import Refusal
from ..service import Answer, Service
from ..versions.current import ServedVersion
from ..versions.example import Row
from ..waiting import gather_or_cancel, hang_up_watched
from .form import stated_size

__all__ = ["router"]

COLUMN = "media"
_FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_EXAMPLE = {
    "predictions": [
        {"emotion": "calm", "probability": 0.8, "p_calm": 0.8, "p_sad": 0.2, "finding": "",
         "reason": "", "evidence_modality": "audio", "evidence_voiced_s": 1.38}
    ]
}  # fmt: skip


def router(service: Service) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["MLflow"])

    @routes.post(
        "/invocations",
        summary="Predict, as MLflow's own server does",
        responses=json_answer(_EXAMPLE, "a row a clip"),
    )
    async def invocations(request: Request) -> JSONResponse:
        """Take `dataframe_split`, `dataframe_records`, `instances` or `inputs`.

        The column `media` holds a file's content in base64.
        """
        with service.admission.place(stated_size(request)) as place:
            cells = _media_cells(await read_json(request.receive))
            if len(cells) > service.config.serving.max_files:
                most = service.config.serving.max_files
                raise Refusal(413, "too-many-files", f"more than {most} clips at a time")
            contents = [decode_media(cell) for cell in cells]
            place.set_bytes([len(content or b"") for content in contents])
            inquiry = Inquiry.of(request.scope)
            with service.current.use() as served:
                async with hang_up_watched(request.receive) as hang_up:
                    predicted = await gather_or_cancel(
                        [
                            _answer(service, served, cell, content, hang_up, inquiry)
                            for cell, content in zip(cells, contents, strict=True)
                        ]
                    )
                content = {"predictions": [_json_row(answer.row) for answer in predicted]}
                headers = version_headers(served, [answer.id for answer in predicted])
                return JSONResponse(content, headers=headers)

    @routes.api_route("/ping", methods=["GET", "HEAD"], include_in_schema=False)
    @routes.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
    async def ping() -> Response:
        return Response(status_code=200 if service.readiness().ready else 503)

    @routes.get("/version", include_in_schema=False)
    async def version() -> Response:
        return Response(__version__, media_type="text/plain")

    return routes


async def _answer(
    service: Service,
    served: ServedVersion,
    cell: object,
    content: bytes | None,
    hang_up: Future[None],
    inquiry: Inquiry,
) -> Answer:
    if content is None:
        prediction = not_media(cell, served.description)
        return Answer(prediction.to_row(), prediction)
    return await service.answer(served, content, len(content), hang_up, inquiry=inquiry)


def _media_cells(fields: object) -> Sequence[object]:
    """Return the values of the column `media`.

    Raises:
        Refusal: the body holds none of MLflow's formats, or no such column
    """
    if isinstance(fields, dict):
        known = [name for name in _FORMATS if name in fields]
        if len(known) == 1:
            cells = _READERS[known[0]](fields[known[0]])
            if cells:
                return cells
    raise Refusal(
        400,
        "format",
        f"one of {', '.join(_FORMATS)} is expected, with a file's content in base64 in the column "
        f"{COLUMN}",
    )


def _from_split(table: object) -> list[object]:
    if isinstance(table, dict) and COLUMN in (columns := table.get("columns") or []):
        place = columns.index(COLUMN)
        rows = table.get("data") or []
        if all(isinstance(row, list) and len(row) == len(columns) for row in rows):
            return [row[place] for row in rows]
    return []


def _from_records(records: object) -> list[object]:
    if not isinstance(records, list):
        return []
    if all(isinstance(record, dict) and COLUMN in record for record in records):
        return [record[COLUMN] for record in records]
    return []


def _from_instances(instances: object) -> list[object]:
    if isinstance(instances, list) and not any(
        isinstance(instance, dict) for instance in instances
    ):
        return [
            instance[0] if isinstance(instance, list) and len(instance) == 1 else instance
            for instance in instances
        ]
    return _from_records(instances)


def _from_inputs(inputs: object) -> list[object]:
    if isinstance(inputs, dict):
        column = inputs.get(COLUMN)
        return _from_instances(column if isinstance(column, list) else [column] if column else [])
    return _from_instances(inputs)


_READERS = {
    "dataframe_split": _from_split,
    "dataframe_records": _from_records,
    "instances": _from_instances,
    "inputs": _from_inputs,
}


def _json_row(row: Row) -> dict[str, object]:
    """Return a row without NaN, which JSON does not know; MLflow writes null, too."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
