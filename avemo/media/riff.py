"""The chunks of a WAV file, and what it holds behind them."""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["UNKNOWN_SIZE", "count_trailing_bytes"]

#: WAV files that are written to a pipe state this many bytes or more
UNKNOWN_SIZE = 0x7FFF0000
#: behind `RIFF`, the size of the whole, and `WAVE`
_FIRST_CHUNK = 12
#: ID and size
_HEAD_BYTES = 8
#: a file of more chunks is no recording
_MAX_CHUNKS = 1000
#: so many bytes fill a file up, and are no sound
_MAX_PADDING = 8


def count_trailing_bytes(content: BinaryIO, file_bytes: int) -> int:
    """Return how many bytes of a WAV file its header does not state, which players may leave out.

    They lie behind the last chunk, where the sound's chunk states too little, or behind the end of
    the whole, where the file's head does. A header that was never completed, because the file was
    written to a pipe, states nothing: such a file is played to its end.

    Args:
        content: the file, at any place
        file_bytes: of it
    """
    content.seek(4)
    stated_bytes = int.from_bytes(content.read(4), "little") + _HEAD_BYTES
    end = _FIRST_CHUNK
    for _ in range(_MAX_CHUNKS):
        content.seek(end)
        head = content.read(_HEAD_BYTES)
        size = int.from_bytes(head[4:], "little")
        if len(head) < _HEAD_BYTES or not _is_name(head[:4]):
            break
        if head[:4] == b"data" and not 0 < size < UNKNOWN_SIZE:
            return 0
        end += _HEAD_BYTES + size + size % 2
    else:
        return 0
    if _HEAD_BYTES < stated_bytes < UNKNOWN_SIZE:
        end = min(end, stated_bytes)
    trailing = file_bytes - end
    return trailing if trailing > _MAX_PADDING else 0


def _is_name(name: bytes) -> bool:
    """Return whether four bytes are a chunk's ID, as RIFF has it: of visible letters."""
    return all(32 <= letter < 127 for letter in name)
