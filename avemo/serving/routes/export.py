"""`POST /v1/export/{format}`: a timeline as a file that another program opens."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ...errors import SettingsError
from ...inference.timeline_row import TimelineRow
from ..examples import TIMELINE
from ..exports import FORMATS, ExportContext, export_chunks
from ..refusal import Refusal
from ..service import Service

__all__ = ["router"]

_NDJSON = "application/x-ndjson"
_FRACTION = re.compile(r"[0-9]{1,18}(/[0-9]{1,18})?")
#: what reading and writing raise where a client sends something else; a broken row has many ways
_NO_TIMELINE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    SettingsError,
    TypeError,
    ValueError,
)


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["timeline"])

    @routes.post(
        "/v1/export/{format}",
        summary="Write a timeline in a format of other programs",
        openapi_extra={"requestBody": {"content": {_NDJSON: {"example": TIMELINE}}}},
        responses={200: {"content": {entry.media_type: {} for entry in FORMATS.values()}}},
        response_class=Response,
    )
    async def export(format: str, request: Request) -> Response:
        """Return the lines that `POST /v1/timeline` answered with, in another format.

        The first line may have `file`: the clip's name, which the export repeats. Formats: csv,
        parquet, json, ndjson, vtt, chapters, elan, textgrid.
        """
        if format not in FORMATS:
            raise Refusal(404, "format", f"{format!r} is no format: choose {', '.join(FORMATS)}")
        lines = (await request.body()).splitlines()
        purpose = service.config.serving.purpose
        content = await asyncio.to_thread(_write, format, lines, purpose)
        entry = FORMATS[format]
        name = f'attachment; filename="timeline{entry.suffix}"'
        return Response(content, media_type=entry.media_type, headers={"content-disposition": name})

    return routes


def _write(format: str, lines: list[bytes], purpose: str) -> bytes:
    try:
        records = [json.loads(line) for line in lines if line.strip()]
        rows = [_row(record) for record in records if "exact" in record]
        head: Mapping[str, Any] = next((line for line in records if "model" in line), {})
        return b"".join(export_chunks(rows, format, context=_context(head, purpose)))
    except _NO_TIMELINE as error:
        message = f"these are not the lines of a timeline: {type(error).__name__}: {error}"
        raise Refusal(422, "export", message[:300]) from None


def _row(record: Mapping[str, Any]) -> TimelineRow:
    # a fraction such as 1e999999999 would be computed to its last digit
    if not all(_FRACTION.fullmatch(text) for text in record["exact"]):
        raise ValueError("`exact` holds what is no fraction of seconds")
    return TimelineRow.from_dict(record)


def _context(head: Mapping[str, Any], purpose: str) -> ExportContext:
    model = head.get("model") or {}
    return ExportContext(
        file=str(head.get("file", "")),
        model=f"{model.get('name', '')} version {model.get('version', '')}" if model else "",
        window_s=float(head.get("window") or 0),
        hop_s=float(head.get("hop") or 0),
        purpose=purpose,
    )
