"""What a cell of a table stands for as media: content, in each form that callers have it in."""

from __future__ import annotations

import base64
import binascii
import io
import re
from math import isnan
from pathlib import Path

from ..errors import MediaError
from ..media.clip import Media

__all__ = ["decode_text", "describe_not_media", "read_media"]

#: the head of a data URL (RFC 2397), as `FileReader.readAsDataURL` and canvas write it
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
#: base64url's two letters, and those that base64 has in their places (RFC 4648)
_URL_SAFE = str.maketrans("-_", "+/")
#: content that is shorter is told from a word by its padding: `clip` would be base64, too
_MIN_BYTES = 12
#: types of a missing value: Python's, and pandas'
_MISSING = ("NoneType", "NAType", "NaTType")


def read_media(cell: object) -> Media:
    """Return the media that a cell stands for.

    Args:
        cell: a file's content as bytes, bytearray, memoryview or an open binary file, or as text,
            see `decode_text`; or a `pathlib.Path`. Text is never a path: it may come from a client,
            who must not name files here

    Raises:
        MediaError: `unreadable`: anything else
    """
    if isinstance(cell, bytes | Path):
        return cell
    if isinstance(cell, bytearray | memoryview):
        return bytes(cell)
    if isinstance(cell, str) and (content := decode_text(cell)) is not None:
        return content
    if isinstance(cell, io.RawIOBase | io.BufferedIOBase):
        try:
            return cell.read() or b""
        except (OSError, ValueError) as error:  # ValueError: the file is closed
            raise MediaError("unreadable", f"the open file cannot be read: {error}") from None
    raise MediaError("unreadable", describe_not_media(cell))


def decode_text(text: str) -> bytes | None:
    """Return the content that a text stands for; None where it is no such text.

    Args:
        text: base64 or base64url, with or without line breaks and padding, or a data URL
    """
    head = _DATA_URL.match(text)
    letters = "".join(text[head.end() if head else 0 :].split()).translate(_URL_SAFE).rstrip("=")
    try:
        content = base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if head or len(content) >= _MIN_BYTES else None


def describe_not_media(cell: object) -> str:
    """Return the reason why a cell is no media, without its content."""
    if isinstance(cell, str):
        return (
            "text is taken as a file's content in base64, and this is not base64: send the content"
        )
    if type(cell).__name__ in _MISSING or (isinstance(cell, float) and isnan(cell)):
        return "the row has no media: a file's content is expected"
    return f"media is given as {type(cell).__name__}: bytes, or text in base64, are expected"
