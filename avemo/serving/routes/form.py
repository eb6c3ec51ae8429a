"""The clips that a request brings, and its place among the requests that are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack, asynccontextmanager

from fastapi import Request

from ..asgi import header
from ..service import Service
from ..uploads import ReceivedForm, receive_form

__all__ = ["admitted_form", "stated_size"]


@asynccontextmanager
async def admitted_form(
    service: Service, request: Request, fields: Collection[str]
) -> AsyncIterator[ReceivedForm]:
    """Yield a request's files and fields, once it has a place; at the end the files are deleted.

    Args:
        service: that answers
        request: a form, or a body that is one file
        fields: that the form may have beside the files

    Raises:
        Refusal: there is no place, or the form is too large or is none
    """
    with service.admission.place(stated_size(request)) as place, ExitStack() as files:
        form = await receive_form(
            request.scope,
            request.receive,
            service.spool,
            files,
            max_files=service.config.serving.max_files,
            fields=fields,
        )
        place.set_bytes([upload.file.size for upload in form.uploads])
        yield form


def stated_size(request: Request) -> int | None:
    """Return the bytes that a request says it has; None where it does not say."""
    stated = header(request.scope, "content-length") or ""
    return int(stated) if stated.isdecimal() else None
