"""Media as text in base64, which is how JSON brings them."""

from __future__ import annotations

import base64
import json
from typing import Any

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
    """Return the content that a text in base64 stands for; None where it is no such text.

    A text is never a path.
    """
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None


def not_media(value: object, description: Description) -> Prediction:
    """Return the prediction for what is no media, as a registered version itself has it."""
    reason = (
        "text is taken as a file's content in base64, and this is not base64: send the content"
        if isinstance(value, str)
        else f"media is given as {type(value).__name__}: bytes, or text in base64, are expected"
    )
    return Prediction(
        finding="unreadable",
        reason=reason,
        model=description.label,
        synthetic=description.synthetic,
        classes=description.classes,
    )
