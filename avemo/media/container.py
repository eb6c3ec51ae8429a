"""Opening media files, from disk or from memory, through FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import MediaError

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

__all__ = [
    "PacketCounter",
    "demux_packets",
    "describe_source",
    "is_complete_wav",
    "open_container",
    "truncation_error",
    "video_stream",
]

# Playlists, image patterns and the like are left out: they make FFmpeg open what a text file names.
_FORMATS = "aac,ac3,aiff,amr,asf,au,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav,webm"
#: containers that state a stream's duration; for others, FFmpeg reports an estimate
_WITH_DURATION = ("au", "flac", "mov,mp4,m4a,3gp,3g2,mj2")
#: a file is cut short if more than this share of its stated length is missing
_TOLERATED_LOSS = 0.05
#: WAV files that are written to a pipe state this many bytes or more
_UNKNOWN_SIZE = 0x7FFF0000


@contextmanager
def open_container(source: Path | bytes) -> Iterator[InputContainer]:
    """Open a media file for reading.

    Args:
        source: a file, or a file's content

    Raises:
        MediaError: `unreadable`, also for what FFmpeg raises inside the block
    """
    import av

    with _open_file(source) as file:
        options = {"format_whitelist": _FORMATS}
        if _has_wav_header(file.read(12)):
            options["probesize"] = "4096"  # the header says all: three times as fast
        file.seek(0)
        try:
            with av.open(file, "r", options=options, metadata_errors="replace") as container:
                for stream in container.streams:
                    if stream.codec_context:  # with more threads, damage decodes differently
                        stream.codec_context.thread_count = 1
                yield container
        except (av.FFmpegError, OSError) as error:
            raise MediaError(
                "unreadable",
                f"{describe_source(source)} is no media file that FFmpeg reads, or is cut short"
                f" ({error.strerror or error})",
            ) from None


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; the cover of a song is none."""
    from av.stream import Disposition

    cover = Disposition.attached_pic
    streams = (stream for stream in container.streams.video if not stream.disposition & cover)
    return next(streams, None)


def demux_packets(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """Yield the packets of some streams, in the file's order.

    Raises:
        MediaError: `unreadable`: a stream begins midway, which a damaged file looks like
    """
    try:
        yield from container.demux(*streams)
    except IndexError:  # the stream is not in PyAV's own list
        raise MediaError("unreadable", "a stream begins midway: the file is damaged") from None


def is_complete_wav(source: Path | bytes) -> bool:
    """Return whether a source is a WAV file; decoders do not notice that one is cut short.

    Raises:
        MediaError: `unreadable`: empty, does not open, or a WAV file that is cut short
    """
    with _open_file(source) as file:
        header, size = file.read(12), file.seek(0, io.SEEK_END)
    if not _has_wav_header(header):
        return False
    stated_size = int.from_bytes(header[4:8], "little") + 8
    if size < stated_size * (1 - _TOLERATED_LOSS) and stated_size <= _UNKNOWN_SIZE:
        raise truncation_error(source, f"{size:,} of {stated_size:,} bytes are there")
    return True


def truncation_error(source: Path | bytes, loss: str) -> MediaError:
    """Return the error for a file that is cut short.

    Args:
        source: the file, or its content
        loss: how much of it is there
    """
    return MediaError("unreadable", f"{describe_source(source)} is cut short: {loss}; copy it anew")


def describe_source(source: Path | bytes) -> str:
    """Return what an error message calls a source."""
    return f"media of {len(source):,} bytes" if isinstance(source, bytes) else source.name


class PacketCounter:
    """Counts the packets of a stream, to compare them with what the container states.

    MP3, OGG, Matroska and other containers made for streaming state nothing: nobody can tell that
    such a file is cut short.

    Args:
        stream: the stream; None for a file without one
    """

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream
        self.count = 0
        self._ticks = 0

    def add(self, packet: Packet[Stream]) -> None:
        """Count a packet; the empty one that ends a stream does not count."""
        self.count += bool(packet.size)
        self._ticks += packet.duration or 0

    @property
    def loss(self) -> str:
        """How much of the stated length is there, for `truncation_error`; empty if all is."""
        stream = self._stream
        if stream is None:
            return ""
        stated, counted = stream.frames, self.count
        container = stream.container.format.name
        codec = getattr(stream.codec_context, "name", "")
        if container in ("aiff", "caf") or codec.startswith("pcm"):
            counted = self._ticks  # a frame of these is a sample
        if not stated and container in _WITH_DURATION:
            stated, counted = stream.duration or 0, self._ticks
        if stated - counted <= stated * _TOLERATED_LOSS:
            return ""
        return f"{counted / stated:.0%} of its {stream.type} is there"


@contextmanager
def _open_file(source: Path | bytes) -> Iterator[BinaryIO]:
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        reason = getattr(error, "strerror", None) or error
        raise MediaError("unreadable", f"{source!s} does not open: {reason}") from None
    with file:
        if not file.read(1):
            raise MediaError("unreadable", f"{describe_source(source)} is empty: 0 bytes")
        file.seek(0)
        yield file


def _has_wav_header(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WAVE"
