"""Which clips are in the sample: drawn by content, so that the same clip always or never is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ...tracking.integrity import compute_sha256

__all__ = ["content_source", "is_drawn", "named_source"]

#: of each end of a clip; to read all of a large one would delay its answer
_END_BYTES = 65_536


def is_drawn(media: Path | bytes, share: float) -> bool:
    """Return whether a clip is in the sample.

    It is drawn by the SHA-256 of its size and both its ends.

    Args:
        media: the file, or its content
        share: of all clips, that the sample is to have

    Raises:
        OSError: the file cannot be read
    """
    if isinstance(media, bytes):
        size, first, last = len(media), media[:_END_BYTES], media[-_END_BYTES:]
    else:
        with media.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _END_BYTES))
            last = stream.read(_END_BYTES)
            stream.seek(0)
            first = stream.read(_END_BYTES)
    digest = hashlib.sha256(b"%d " % size + first + last).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def named_source(name: str) -> bytes:
    """Return what tells a source that the client names from every other."""
    return hashlib.sha256(b"named " + name.encode()).digest()


def content_source(clip: Path) -> bytes:
    """Return what tells a clip from every other: one without a named source is its own."""
    return bytes.fromhex(compute_sha256(clip))
