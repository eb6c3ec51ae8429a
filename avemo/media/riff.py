"""The chunks of a WAV file, and what it holds behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

__all__ = [
    "byte_order",
    "count_trailing_bytes",
    "is_large",
    "is_unknown_size",
    "is_wav",
    "is_wave64",
    "list_chunks",
    "stated_bytes",
]

#: WAV files that are written to a pipe state this many bytes or more
_UNKNOWN_SIZE = 0x7FFF0000
#: likewise, where sizes have 64 bits
_UNKNOWN_LARGE_SIZE = 2**62
#: stands for a size of 64 bits, which `ds64` holds
_LARGE_SIZE = 2**32 - 1
#: the head of a file with that chunk
_DS64_BYTES = 44
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
#: how Sony's Wave64 files begin: a GUID, and the size of the whole
_WAVE64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"


def is_wav(head: bytes) -> bool:
    """Return whether a file with these first bytes is a WAV file, of any byte order and size."""
    return head[:4] in (b"RIFF", b"RIFX", *_LARGE) and head[8:12] == b"WAVE"


def stated_bytes(head: bytes) -> int:
    """Return how many bytes the head of a WAV, Wave64 or AVI file says that the file has.

    Args:
        head: the first 28 bytes

    Returns:
        0 for another file, and where the head was never completed

    Source:
        EBU Tech 3306: RF64
    """
    if is_wave64(head):
        size = int.from_bytes(head[16:24], "little")
        return 0 if is_unknown_size(size) else size
    if is_large(head):
        size = int.from_bytes(head[20:28], "little")
        return 0 if is_unknown_size(size) else size + _HEAD_BYTES
    size = int.from_bytes(head[4:8], byte_order(head))
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
    start = content.read(_DS64_BYTES)
    stated = stated_bytes(start)
    large_data_bytes = int.from_bytes(start[28:36], "little") if is_large(start) else 0
    end = _FIRST_CHUNK
    for chunk in list_chunks(content, byte_order(start)):
        size = chunk.size
        if chunk.name == b"data":
            if size in (0, _LARGE_SIZE) and not is_unknown_size(large_data_bytes):
                size = large_data_bytes
            elif not 0 < size < _UNKNOWN_SIZE:
                return 0
        end = chunk.start + size + size % 2
        if chunk.name == b"data" and size > _UNKNOWN_SIZE:
            break
    if stated:
        end = min(end, stated)
    trailing = file_bytes - end
    return trailing if trailing > _MAX_PADDING else 0


class Chunk(NamedTuple):
    """A chunk: its name, where its content begins, and the bytes that its head states."""

    name: bytes
    start: int
    size: int


def list_chunks(content: BinaryIO, order: Literal["big", "little"]) -> Iterator[Chunk]:
    """Yield the chunks of a WAV file, as far as they follow each other.

    Args:
        content: the file; the caller may move in it
        order: of the bytes of a number
    """
    end = _FIRST_CHUNK
    for _ in range(_MAX_CHUNKS):
        content.seek(end)
        head = content.read(_HEAD_BYTES)
        if len(head) < _HEAD_BYTES or not _is_name(head[:4]):
            return
        chunk = Chunk(head[:4], end + _HEAD_BYTES, int.from_bytes(head[4:], order))
        yield chunk
        end = chunk.start + chunk.size + chunk.size % 2


def is_large(head: bytes) -> bool:
    """Return whether a file with these first bytes has sizes of 64 bits, in its chunk `ds64`."""
    return head[:4] in _LARGE and head[12:16] == b"ds64"


def is_wave64(head: bytes) -> bool:
    """Return whether a file with these first bytes is a Wave64 file."""
    return head.startswith(_WAVE64)


def is_unknown_size(size: int) -> bool:
    """Return whether a size of 64 bits was never filled in."""
    return not 0 < size < _UNKNOWN_LARGE_SIZE


def byte_order(head: bytes) -> Literal["big", "little"]:
    """Return the order of the bytes of a number in a WAV file."""
    return "big" if head[:4] == b"RIFX" else "little"


def _is_name(name: bytes) -> bool:
    """Return whether four bytes are a chunk's ID, as RIFF has it: of visible letters."""
    return all(32 <= letter < 127 for letter in name)
