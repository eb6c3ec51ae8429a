"""Opening media files, from disk or from memory, through FFmpeg."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import MediaError

__all__ = ["Packets", "cut_short", "is_wav", "name", "opened", "packets"]

# Playlists, image patterns and the like are left out: they make FFmpeg open what a text file names.
_FORMATS = "aac,ac3,aiff,amr,asf,au,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav,webm"
#: containers that state how long a stream is; of others FFmpeg says what it guesses
_STATED = ("au", "flac", "mov,mp4,m4a,3gp,3g2,mj2")
#: what is stated of a file may exceed what is there by this share of it
_MISSING = 0.05
#: WAV files that are written to a pipe promise this many bytes or more
_UNKNOWN = 0x7FFF0000


@contextmanager
def opened(source: Path | bytes) -> Iterator[Any]:
    """Open a media file for reading.

    Args:
        source: a file, or a file's content

    Yields:
        an `av.container.InputContainer`

    Raises:
        MediaError: `unreadable`, also for what FFmpeg raises inside the block
    """
    import av

    with _file(source) as file:
        options = {"format_whitelist": _FORMATS}
        if _wav(file.read(12)):
            options["probesize"] = "4096"  # the header says all: thrice as fast
        file.seek(0)
        try:
            with av.open(file, options=options, metadata_errors="replace") as container:
                for stream in container.streams:
                    if stream.codec_context:  # what is damaged decodes otherwise with more
                        stream.codec_context.thread_count = 1
                yield container
        except (av.FFmpegError, OSError) as error:
            raise MediaError(
                "unreadable",
                f"{name(source)} is no media file that FFmpeg reads, or is cut short"
                f" ({error.strerror or error})",
            ) from None


def packets(container: Any, *streams: Any) -> Iterator[Any]:
    """The packets of these streams, in the order that they stand in the file.

    Raises:
        MediaError: `unreadable`: a stream begins midway, which damage to a file looks like
    """
    try:
        yield from container.demux(*streams)
    except IndexError:  # PyAV's own list of streams has none of it
        raise MediaError("unreadable", "a stream begins midway: the file is damaged") from None


def is_wav(source: Path | bytes) -> bool:
    """Whether a source is a WAV file, and a whole one: decoders take a torn one for whole.

    Raises:
        MediaError: `unreadable`: empty, does not open, or a WAV file that is cut short
    """
    with _file(source) as file:
        head, size = file.read(12), file.seek(0, io.SEEK_END)
    promised = int.from_bytes(head[4:8], "little") + 8
    if _wav(head) and size < promised * (1 - _MISSING) and promised <= _UNKNOWN:
        raise cut_short(source, f"{size:,} of {promised:,} bytes are there")
    return _wav(head)


def cut_short(source: Path | bytes, missing: str) -> MediaError:
    """The error for a file of which a part is not there."""
    return MediaError("unreadable", f"{name(source)} is cut short: {missing}; copy it anew")


def name(source: Path | bytes) -> str:
    """What an error message calls the source."""
    return f"media of {len(source):,} bytes" if isinstance(source, bytes) else source.name


class Packets:
    """Counts the packets of a stream against what the container states.

    MP3, OGG, Matroska and other containers made for sending state nothing: of such a file that is
    cut short, what is there is all there is.

    Args:
        stream: an `av.stream.Stream`, or None for one that is not there
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.count = 0
        self._ticks = 0

    def take(self, packet: Any) -> None:
        """Count one; the empty one that ends a stream does not count."""
        self.count += bool(packet.size)
        self._ticks += packet.duration or 0

    @property
    def missing(self) -> str:
        """What is stated and not there, or nothing."""
        stream = self._stream
        if stream is None:
            return ""
        promised, there = stream.frames, self.count
        container = stream.container.format.name
        codec = getattr(stream.codec_context, "name", "")
        if container in ("aiff", "caf") or codec.startswith("pcm"):
            there = self._ticks  # there, a frame is a sample
        if not promised and container in _STATED:
            promised, there = stream.duration or 0, self._ticks
        if promised - there <= promised * _MISSING:
            return ""
        return f"{there / promised:.0%} of its {stream.type} is there"


@contextmanager
def _file(source: Path | bytes) -> Iterator[Any]:
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        why = getattr(error, "strerror", None) or error
        raise MediaError("unreadable", f"{source!s} does not open: {why}") from None
    with file:
        if not file.read(1):
            raise MediaError("unreadable", f"{name(source)} is empty: 0 bytes")
        file.seek(0)
        yield file


def _wav(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"
