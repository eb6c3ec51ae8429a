"""Media as text in base64, which is how JSON brings them."""

from __future__ import annotations

import json
from typing import Any

from ..inference.media_cell import decode_text, describe_not_media
from ..inference.prediction import Prediction
from .asgi import Receive
from .refusal import Refusal
from .uploads import read_body
from .versions.description import Description

__all__ = ["decode_media", "not_media", "read_json"]


async def read_json(receive: Receive) -> Any:
    """Return the JSON of a request's body, whose size was limited before.

    Raises:
        Refusal: it is none
    """
    body = await read_body(receive)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "json", "the body is no JSON") from None


def decode_media(text: object) -> bytes | None:
    """Return the content that a text stands for; None where it is none, see `decode_text`."""
    return decode_text(text) if isinstance(text, str) else None


def not_media(value: object, description: Description) -> Prediction:
    """Return the prediction for what is no media, as a registered version itself has it."""
    return Prediction(
        finding="unreadable",
        reason=describe_not_media(value),
        model=description.label,
        synthetic=description.synthetic,
        classes=description.classes,
    )
