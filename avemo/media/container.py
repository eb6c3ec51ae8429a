"""Opening media files, from disk or from memory, through FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from ..errors import MediaError

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

__all__ = [
    "MediaFile",
    "PacketCounter",
    "describe_source",
    "is_complete_wav",
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


class MediaFile:
    """A media file, open for reading: one descriptor, however often it is read.

    Args:
        source: a file, or a file's content

    Raises:
        MediaError: `unreadable`: does not open, or is empty
    """

    def __init__(self, source: Path | bytes) -> None:
        self.source = source
        self.label = describe_source(source)
        self._container: InputContainer | None = None
        self._moved = False
        try:
            self.content = _open(source)
        except (OSError, ValueError) as error:  # ValueError: a path with a null byte
            reason = getattr(error, "strerror", None) or error
            raise MediaError("unreadable", f"{source!s} does not open: {reason}") from None
        head = self.content.read(12)
        if not head:
            self.close()
            raise MediaError("unreadable", f"{self.label} is empty: 0 bytes")
        self.is_wav = head[:4] == b"RIFF" and head[8:] == b"WAVE"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and what FFmpeg holds of it."""
        self._close_container()
        self.content.close()

    @contextmanager
    def container(self, *, rewind: bool = False) -> Iterator[InputContainer]:
        """Yield FFmpeg's reader of the file; it is opened once and stays open.

        Args:
            rewind: read from the start. Where it was read before it is opened anew, because
                decoders do not give the same after a seek as after an opening

        Raises:
            MediaError: `unreadable`, also for what FFmpeg raises inside the block
        """
        import av

        try:
            if rewind and self._moved:
                self._close_container()
            if self._container is None:
                self._container = self._open_container()
            yield self._container
        except (av.FFmpegError, OSError) as error:
            raise MediaError(
                "unreadable",
                f"{self.label} is no media file that FFmpeg reads, or is cut short"
                f" ({error.strerror or error})",
            ) from None

    @property
    def has_decoded_pictures(self) -> bool:
        """Whether the reader's video decoder was used: some decoders remember more than a seek
        resets."""
        stream = video_stream(self._container) if self._container else None
        return bool(stream and stream.codec_context and stream.codec_context.is_open)

    def rewound(self) -> BinaryIO:
        """Return the file itself at its start, for readers other than FFmpeg."""
        self._close_container()  # it would not notice that its place in the file has changed
        self.content.seek(0)
        return self.content

    def demux(self, container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
        """Yield the packets of some streams, in the file's order.

        Raises:
            MediaError: `unreadable`: a stream begins midway, which a damaged file looks like
        """
        self._moved = True
        try:
            yield from container.demux(*streams)
        except IndexError:  # the stream is not in PyAV's own list
            raise MediaError("unreadable", "a stream begins midway: the file is damaged") from None

    def _open_container(self) -> InputContainer:
        import av

        options = {"format_whitelist": _FORMATS}
        if self.is_wav:
            options["probesize"] = "4096"  # the header says all: three times as fast
        container = av.open(self.rewound(), "r", options=options, metadata_errors="replace")
        for stream in container.streams:
            if stream.codec_context:  # with more threads, damage decodes differently
                stream.codec_context.thread_count = 1
        return container

    def _close_container(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container, self._moved = None, False


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; the cover of a song is none."""
    from av.stream import Disposition

    cover = Disposition.attached_pic
    streams = (stream for stream in container.streams.video if not stream.disposition & cover)
    return next(streams, None)


def is_complete_wav(file: MediaFile) -> bool:
    """Return whether a file is a WAV file; decoders do not notice that one is cut short.

    Raises:
        MediaError: `unreadable`: a WAV file that is cut short
    """
    if not file.is_wav:
        return False
    content = file.rewound()
    header, size = content.read(8), content.seek(0, io.SEEK_END)
    stated_size = int.from_bytes(header[4:], "little") + 8
    if size < stated_size * (1 - _TOLERATED_LOSS) and stated_size <= _UNKNOWN_SIZE:
        raise truncation_error(file, f"{size:,} of {stated_size:,} bytes are there")
    return True


def truncation_error(file: MediaFile, loss: str) -> MediaError:
    """Return the error for a file that is cut short.

    Args:
        file: the file
        loss: how much of it is there
    """
    return MediaError("unreadable", f"{file.label} is cut short: {loss}; copy it anew")


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


def _open(source: Path | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
