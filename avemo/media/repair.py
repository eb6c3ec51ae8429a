"""Files whose head is not as their readers expect it, shown to them as if it were.

What is mended says nothing wrong of the sound: a tag in front of it, sizes that were never filled
in because the recording ended before its writer did, and the container of samples that have fewer
bits. The file itself stays as it is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Literal, NamedTuple

from .riff import byte_order, is_large, is_unknown_size, is_wav, is_wave64, list_chunks

__all__ = ["repair"]

_ID3_HEAD_BYTES = 10
#: has as many bytes again behind the tag
_ID3_FOOTER = 0x10
#: what an MPEG sound begins with, which FFmpeg finds behind a tag, and takes the tag's word for
_MPEG_SYNC = b"\xff"
#: bytes of the chunk `ds64` that hold sizes: of the whole, of the sound, and in samples
_DS64 = slice(20, 44)
_WAVE64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
#: a chunk's name and size; the size counts them, too
_WAVE64_HEAD_BYTES = 24
#: chunks begin at multiples of so many bytes
_WAVE64_ALIGNMENT = 8
_WAVE64_MAX_CHUNKS = 100
_PCM = 1

#: bytes to show in place of the file's own, by where they begin
_Patches = Mapping[int, bytes]


def repair(content: BinaryIO) -> BinaryIO:
    """Return a file as its readers expect it: the file itself where its head is right.

    Args:
        content: a file that can seek; it stays open when the returned one is closed
    """
    file_bytes = content.seek(0, io.SEEK_END)
    skipped_bytes = _count_tag_bytes(content)
    patches = _find_patches(_show(content, skipped_bytes, {}), file_bytes - skipped_bytes)
    if not skipped_bytes and not patches:
        return content
    return _show(content, skipped_bytes, patches)


def _show(content: BinaryIO, start: int, patches: _Patches) -> BinaryIO:
    return io.BufferedReader(_RepairedFile(content, start, patches))  # type: ignore[type-var]


class _RepairedFile(io.RawIOBase):
    """A file from some byte on, with other bytes at some places.

    Args:
        content: the file
        start: the byte that it begins with
        patches: from there
    """

    def __init__(self, content: BinaryIO, start: int, patches: _Patches) -> None:
        self._content = content
        self._start = start
        self._patches = patches
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += self._content.seek(0, io.SEEK_END) - self._start
        elif whence == io.SEEK_CUR:
            offset += self._place
        if offset < 0:
            raise ValueError(f"there is no byte {offset}")
        self._place = offset
        return offset

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._content.seek(self._start + self._place)
        data = bytearray(self._content.read(len(buffer)))
        for place, patch in self._patches.items():
            begin, end = place - self._place, place - self._place + len(patch)
            if begin < len(data) and end > 0:
                shown = patch[max(0, -begin) : len(patch) - max(0, end - len(data))]
                data[max(0, begin) : min(len(data), end)] = shown
        self._place += len(data)
        buffer[: len(data)] = data
        return len(data)


def _count_tag_bytes(content: BinaryIO) -> int:
    """Return the bytes of the ID3v2 tags in front of a sound other than MPEG's."""
    begin = 0
    while True:
        content.seek(begin)
        head = content.read(_ID3_HEAD_BYTES)
        if len(head) < _ID3_HEAD_BYTES or head[:3] != b"ID3" or max(head[6:]) > 0x7F:
            break
        size = sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:])))
        begin += _ID3_HEAD_BYTES * (2 if head[5] & _ID3_FOOTER else 1) + size
    is_mpeg = head[:1] == _MPEG_SYNC or not any(head)
    return 0 if is_mpeg or not head else begin


def _find_patches(content: BinaryIO, file_bytes: int) -> dict[int, bytes]:
    content.seek(0)
    head = content.read(_DS64.stop)
    if is_wav(head):
        return dict(_mend_wav(content, head, file_bytes))
    if is_wave64(head):
        return dict(_mend_wave64(content, head, file_bytes))
    if head[:4] == b".snd" and head[8:12] == bytes(4):  # its word for unknown is another
        return {8: b"\xff" * 4}
    return {}


def _mend_wav(content: BinaryIO, head: bytes, file_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the sizes of a RF64 file that were not filled in, and how wide its samples are."""
    order = byte_order(head)
    for chunk in list_chunks(content, order):
        if chunk.name == b"fmt ":
            content.seek(chunk.start)
            yield from _mend_format(chunk.start, content.read(min(chunk.size, 40)), order)
        if chunk.name == b"data":
            if is_large(head):
                size = int.from_bytes(head[28:36], "little")
                is_in_ds64 = chunk.size in (0, 2**32 - 1)
                if is_in_ds64 and is_unknown_size(size):
                    sizes = (file_bytes - 8, file_bytes - chunk.start, 0)
                    yield _DS64.start, b"".join(size.to_bytes(8, "little") for size in sizes)
                    yield chunk.start - 4, b"\xff" * 4
            return


def _mend_format(
    place: int, chunk: bytes, order: Literal["big", "little"]
) -> Iterator[tuple[int, bytes]]:
    """Yield the bits of samples of 24 bits in 4 bytes, which readers take for 24 in 3."""
    if len(chunk) < 16:
        return
    field = _Format(*(int.from_bytes(chunk[begin:end], order) for begin, end in _FORMAT_FIELDS))
    width = field.block_bytes // field.channels if field.channels else 0
    is_consistent = field.byte_rate == field.sample_rate * field.block_bytes
    if field.tag == _PCM and is_consistent and width == 4 and field.bits == 24:
        yield place + 14, (32).to_bytes(2, order)


class _Format(NamedTuple):
    """The first fields of a WAV file's chunk `fmt `."""

    tag: int
    channels: int
    sample_rate: int
    byte_rate: int
    block_bytes: int
    bits: int


_FORMAT_FIELDS = ((0, 2), (2, 4), (4, 8), (8, 12), (12, 14), (14, 16))


def _mend_wave64(content: BinaryIO, head: bytes, file_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the sizes of a Wave64 file that were not filled in."""
    if is_unknown_size(int.from_bytes(head[16:24], "little")):
        yield 16, file_bytes.to_bytes(8, "little")
    begin = 40
    for _ in range(_WAVE64_MAX_CHUNKS):
        content.seek(begin)
        chunk = content.read(_WAVE64_HEAD_BYTES)
        if len(chunk) < _WAVE64_HEAD_BYTES:
            return
        size = int.from_bytes(chunk[16:], "little")
        if chunk.startswith(_WAVE64_DATA):
            if is_unknown_size(size) or size == _WAVE64_HEAD_BYTES:
                yield begin + 16, (file_bytes - begin).to_bytes(8, "little")
            return
        if size < _WAVE64_HEAD_BYTES:
            return
        begin += size + -size % _WAVE64_ALIGNMENT
