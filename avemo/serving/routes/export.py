"""`POST /v1/export/FORMAT`: the lines of a timeline as a file that other programs open."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ...inference.timeline_row import TimelineRow
from ...tracking.lookup import version_label
from ..exports import FORMATS, ExportContext, export_chunks
from ..refusal import Refusal
from ..service import Service
from ..uploads import read_body

__all__ = ["router"]

#: of a fraction: longer ones are no times, and take long to compute with
_TIME = re.compile(r"-?\d{1,30}(/\d{1,30})?")


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["timeline"])

    @routes.post("/v1/export/{format}", summary="Turn a timeline into a file")
    async def export(request: Request, format: str) -> Response:
        """Take the lines that `/v1/timeline` gave, and return them in another format.

        The first line may have a `file` too, which is the clip's name.
        """
        entry = FORMATS.get(format)
        if entry is None:
            raise Refusal(404, "format", f"choose {', '.join(FORMATS)}", close=True)
        body = await read_body(request.receive)
        content = await asyncio.to_thread(_convert, body, format, service.config.serving.purpose)
        name = f'attachment; filename="timeline{entry.suffix}"'
        return Response(content, media_type=entry.media_type, headers={"content-disposition": name})

    return routes


def _convert(body: bytes, format: str, purpose: str) -> bytes:
    """Return a timeline's lines in another format.

    Raises:
        Refusal: they are no timeline
    """
    try:
        head, *lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        model = head["model"]
        context = ExportContext(
            file=str(head.get("file") or "clip"),
            model=version_label(model["name"], model["version"]),
            classes=tuple(map(str, head["classes"])),
            window_s=float(head["window"]),
            hop_s=float(head["hop"]),
            purpose=purpose,
        )
        rows = [_read_row(line) for line in lines if "exact" in line]
        return b"".join(export_chunks(rows, format, context=context))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Refusal(
            400, "timeline", f"these are not the lines of a timeline: {type(error).__name__}"
        ) from None


def _read_row(line: dict[str, Any]) -> TimelineRow:
    if not all(_TIME.fullmatch(moment) for moment in line["exact"]):
        raise ValueError("a time is no fraction")
    return TimelineRow.from_dict(line)
