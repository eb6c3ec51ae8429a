"""The chunks of a WAV file, and what it holds behind them."""

from __future__ import annotations

from typing import BinaryIO, Literal

__all__ = ["count_trailing_bytes", "is_wav", "stated_bytes"]

#: WAV files that are written to a pipe state this many bytes or more
_UNKNOWN_SIZE = 0x7FFF0000
#: behind `RIFF`, the size of the whole, and `WAVE`
_FIRST_CHUNK = 12
#: ID and size
_HEAD_BYTES = 8
#: a file of more chunks is no recording
_MAX_CHUNKS = 1000
#: so many bytes fill a file up, and are no sound
_MAX_PADDING = 8
#: how files begin whose sizes have 64 bits, and stand in a chunk of their own
_LARGE = (b"RF64", b"BW64")


def is_wav(head: bytes) -> bool:
    """Return whether a file with these first bytes is a WAV file, of any byte order and size."""
    return head[:4] in (b"RIFF", b"RIFX", *_LARGE) and head[8:12] == b"WAVE"


def stated_bytes(head: bytes) -> int:
    """Return how many bytes the head of a WAV or AVI file says that the file has.

    Args:
        head: the first 28 bytes

    Returns:
        0 for another file, and where the head was never completed

    Source:
        EBU Tech 3306: RF64
    """
    if head[:4] in _LARGE and head[12:16] == b"ds64":
        size = int.from_bytes(head[20:28], "little")
        return size + _HEAD_BYTES if size else 0
    size = int.from_bytes(head[4:8], _byte_order(head))
    known = head[:4] in (b"RIFF", b"RIFX") and 0 < size < _UNKNOWN_SIZE
    return size + _HEAD_BYTES if known else 0


def count_trailing_bytes(content: BinaryIO, file_bytes: int) -> int:
    """Return how many bytes of a WAV file its header does not state, which players may leave out.

    They lie behind the last chunk, where the sound's chunk states too little, or behind the end of
    the whole, where the file's head does. A header that was never completed, because the file was
    written to a pipe, states nothing: such a file is played to its end.

    Args:
        content: the file, at any place
        file_bytes: of it
    """
    content.seek(0)
    start = content.read(_FIRST_CHUNK)
    order, stated = _byte_order(start), stated_bytes(start)
    end = _FIRST_CHUNK
    for _ in range(_MAX_CHUNKS):
        content.seek(end)
        head = content.read(_HEAD_BYTES)
        size = int.from_bytes(head[4:], order)
        if len(head) < _HEAD_BYTES or not _is_name(head[:4]):
            break
        if head[:4] == b"data" and not 0 < size < _UNKNOWN_SIZE:
            return 0
        end += _HEAD_BYTES + size + size % 2
    else:
        return 0
    if stated:
        end = min(end, stated)
    trailing = file_bytes - end
    return trailing if trailing > _MAX_PADDING else 0


def _byte_order(head: bytes) -> Literal["big", "little"]:
    return "big" if head[:4] == b"RIFX" else "little"


def _is_name(name: bytes) -> bool:
    """Return whether four bytes are a chunk's ID, as RIFF has it: of visible letters."""
    return all(32 <= letter < 127 for letter in name)
