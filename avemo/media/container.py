"""Opening media files, from disk or from memory, through FFmpeg."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, Self

from ..errors import MediaError
from .other_kinds import HEAD_BYTES, describe_other_kind
from .repair import repair
from .restarts import RESTARTING_FORMATS, RestartJoiner
from .riff import is_wav, is_wave64, stated_bytes

if TYPE_CHECKING:
    from av import Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

__all__ = [
    "MediaFile",
    "PacketCounter",
    "audio_stream",
    "describe_source",
    "truncation_error",
    "video_stream",
]

# Playlists, image patterns and the like are left out: they make FFmpeg open what a text file names.
_FORMATS = (
    "aac,ac3,aiff,amr,asf,au,avi,caf,dv,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav,webm"
)
#: the decoders of formats that people are recorded in; pcm_... and adpcm_... besides
_DECODERS = (
    *("av1", "dvvideo", "ffv1", "flv", "h263", "h264", "hevc", "huffyuv", "libdav1d", "mjpeg"),
    *("mpeg1video", "mpeg2video", "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3"),
    *("prores", "rawvideo", "theora", "vc1", "vp8", "vp9", "wmv1", "wmv2", "wmv3"),
    *("aac", "aac_latm", "ac3", "alac", "amr_nb", "amr_wb", "amrnb", "amrwb", "eac3", "flac"),
    *(
        "g722",
        "g726",
        "g726le",
        "gsm",
        "gsm_ms",
        "speex",
        "libgsm",
        "libopus",
        "libopencore_amrnb",
        "libopencore_amrwb",
    ),
    *("libvorbis", "mp2", "mp2float", "mp3", "mp3float", "opus", "vorbis", "wmav1", "wmav2"),
)
_DECODER_PREFIXES = ("pcm_", "adpcm_")
#: a larger picture is no recording of a person, and would fill the memory: 8K has half as many
_MAX_PIXELS = 2**26
#: containers whose header counts a stream's samples; others state nothing, or an estimate
_COUNTED = ("aiff", "au", "caf", "flac")
#: containers with a table of every packet, of which an edit list hides some
_INDEXED = ("mov,mp4,m4a,3gp,3g2,mj2",)
#: a file is cut short if more than this share of its stated length is missing
_TOLERATED_LOSS = 0.05


class MediaFile:
    """A media file, open for reading: one descriptor, however often it is read.

    Args:
        source: a file, a file's content, or a reader of it, such as of one that is still arriving;
            a reader that cannot seek is read once, from its start

    Attributes:
        is_wav: it begins as a WAV file does
        riff_sizes: of a WAV, Wave64 or AVI file, its bytes, and those that its header states; 0
            where it states none
        restarts: how often the file's clock was seen to start anew, see `RestartJoiner`; no seek
            finds its way in such a file

    Raises:
        MediaError: `unreadable`: does not open, or is empty
    """

    def __init__(self, source: Path | bytes | BinaryIO) -> None:
        self.source = source
        self.label = describe_source(source)
        self._container: InputContainer | None = None
        self._moved = False
        self.restarts = 0
        try:
            self._opened = self.content = _open(source)
            if self._opened.seekable():
                self.content = repair(self._opened)
            head = self._read_head()
        except (OSError, ValueError) as error:  # ValueError: no file, or a path with a null byte
            reason = getattr(error, "strerror", None) or error
            raise MediaError("unreadable", f"{source!s} does not open: {reason}") from None
        if head is None:
            self.is_wav, self._is_wave = False, False
            self._other_kind, self.riff_sizes = "", (0, 0)
            return
        if not head:
            self.close()
            raise MediaError("unreadable", f"{self.label} is empty: 0 bytes")
        self.is_wav = is_wav(head)
        self._is_wave = self.is_wav or is_wave64(head)
        self._other_kind = describe_other_kind(head)
        self.riff_sizes = self.content.seek(0, io.SEEK_END), stated_bytes(head)

    def _read_head(self) -> bytes | None:
        """Return how the file begins; None for a reader that cannot seek."""
        if not self.content.seekable():
            return None
        self.content.seek(0)
        return self.content.read(HEAD_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and what FFmpeg holds of it."""
        self._close_container()
        if self._opened is not self.source:
            self._opened.close()

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
                f"{self.label} is no media file that avemo reads, or is cut short"
                f" ({error.strerror or error})",
            ) from None

    @property
    def is_torn(self) -> bool:
        """Whether a WAV, Wave64 or AVI file has fewer bytes than its header states."""
        size, stated_size = self.riff_sizes
        return size < stated_size * (1 - _TOLERATED_LOSS)

    def require_whole_wave(self) -> None:
        """Refuse a WAV or Wave64 file that is cut short, which decoders do not notice.

        Raises:
            MediaError: `unreadable`
        """
        if self._is_wave and self.is_torn:
            size, stated_size = self.riff_sizes
            raise truncation_error(self, f"{size:,} of {stated_size:,} bytes are there")

    @property
    def has_decoded_pictures(self) -> bool:
        """Whether the reader's video decoder was used: some decoders remember more than a seek
        resets."""
        stream = video_stream(self._container) if self._container else None
        return bool(stream and stream.codec_context and stream.codec_context.is_open)

    def rewound(self) -> BinaryIO:
        """Return the file itself at its start, for readers other than FFmpeg."""
        self._close_container()  # it would not notice that its place in the file has changed
        if self.content.seekable():
            self.content.seek(0)
        return self.content

    def demux(self, container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
        """Yield the packets of some streams, in the file's order and on one clock.

        Raises:
            MediaError: `unreadable`: a stream begins midway, which a damaged file looks like
        """
        self._moved = True
        try:
            if container.format.name in RESTARTING_FORMATS:
                yield from self._demux_joined(container, *streams)
            else:
                yield from container.demux(*streams)
        except IndexError:  # the stream is not in PyAV's own list
            raise MediaError("unreadable", "a stream begins midway: the file is damaged") from None

    def _demux_joined(
        self, container: InputContainer, *streams: Stream
    ) -> Iterator[Packet[Stream]]:
        """Yield packets whose time stamps continue where the file's clock starts anew.

        Sound and picture are both looked at, whichever is asked for, so that both have one clock.
        """
        joiner = RestartJoiner()
        both = [audio_stream(container), video_stream(container)]
        others = [stream for stream in both if stream is not None and stream not in streams]
        for packet in container.demux(*streams, *others):
            for placed in joiner.join(packet):
                self.restarts = max(self.restarts, joiner.restarts)
                if placed.stream in streams:
                    yield placed

    def _open_container(self) -> InputContainer:
        import av

        if self._other_kind:
            raise MediaError("unreadable", f"{self.label} is {self._other_kind}")
        options = {
            "format_whitelist": _FORMATS,
            "codec_whitelist": ",".join(sorted(_allowed_decoders())),
            "max_pixels": str(_MAX_PIXELS),
        }
        if self.is_wav:
            options["probesize"] = "4096"  # the header says all: three times as fast
        container = av.open(
            self.rewound(), "r", options=options, metadata_errors="replace", io_open=_refuse_to_open
        )
        for stream in container.streams:
            if stream.codec_context:  # with more threads, damage decodes differently
                stream.codec_context.thread_count = 1
        self._check_decoders(container)
        return container

    def _check_decoders(self, container: InputContainer) -> None:
        """Refuse a sound or picture that only a rarely used decoder reads, which may have faults.

        Raises:
            MediaError: `unreadable`
        """
        for stream in (audio_stream(container), video_stream(container)):
            codec = _decoder_name(stream)
            if stream and codec and codec not in _allowed_decoders():
                raise MediaError(
                    "unreadable",
                    f"the {stream.type} of {self.label} is in the format {codec}, which is not"
                    " read: convert it, to H.264 and AAC for example",
                )

    def _close_container(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container, self._moved = None, False


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the stream of moving pictures that players show; the cover of a song is none."""
    from av.stream import Disposition

    cover = Disposition.attached_pic
    pictures = [stream for stream in container.streams.video if not stream.disposition & cover]
    return min(pictures, key=_rank, default=None)


def audio_stream(container: InputContainer) -> AudioStream | None:
    """Return the audio stream that players play."""
    return min(container.streams.audio, key=_rank, default=None)


def _rank(stream: Stream) -> tuple[bool, bool, bool, int]:
    """Return a key that is lowest for the stream that players choose.

    One that no decoder reads comes last, and before it a comment, or a track for people who hear or
    see badly; the one that the file marks as its default comes first; then the order in the file
    counts.
    """
    from av.stream import Disposition

    special = (
        Disposition.comment
        | Disposition.hearing_impaired
        | Disposition.visual_impaired
        | Disposition.clean_effects
    )
    disposition = stream.disposition
    return (
        _decoder_name(stream) not in _allowed_decoders(),
        bool(disposition & special),
        not disposition & Disposition.default,
        stream.index,
    )


def _decoder_name(stream: Stream | None) -> str:
    """Return what FFmpeg would decode a stream with; nothing where it knows no decoder."""
    return stream.codec_context.codec.name if stream and stream.codec_context else ""


def truncation_error(file: MediaFile, loss: str) -> MediaError:
    """Return the error for a file that is cut short.

    Args:
        file: the file
        loss: how much of it is there
    """
    return MediaError("unreadable", f"{file.label} is cut short: {loss}; copy it anew")


def describe_source(source: Path | bytes | BinaryIO) -> str:
    """Return what an error message calls a source."""
    if isinstance(source, bytes):
        return f"media of {len(source):,} bytes"
    return source.name if isinstance(source, Path) else "media"


class PacketCounter:
    """Counts the packets of a stream, to compare them with those that the file must have.

    Only what proves that a file is cut short counts: the table of packets of an MP4, less what its
    edit list hides; the number of samples in the header of an uncompressed or FLAC file; an AVI
    file with fewer bytes than its header states. MP3, OGG, Matroska and others state nothing, or an
    estimate: nobody can tell that such a file is cut short.

    Args:
        stream: the stream; None for a file without one
        is_torn: the file has fewer bytes than its header states
    """

    def __init__(self, stream: Stream | None, *, is_torn: bool = False) -> None:
        self._stream = stream
        self._is_torn = is_torn
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
        container = stream.container.format.name
        is_pcm = getattr(stream.codec_context, "name", "").startswith("pcm")
        stated, counted = 0, self.count
        if container == "avi" and self._is_torn:
            stated, counted = stream.frames, self._ticks if is_pcm else self.count
        elif container in _INDEXED and not is_pcm:
            stated = len(stream.index_entries)
        elif container in (*_COUNTED, *_INDEXED):
            stated, counted = stream.frames or stream.duration or 0, self._ticks
        if stated - counted <= stated * _TOLERATED_LOSS:
            return ""
        return f"{counted / stated:.0%} of its {stream.type} is there"


def _open(source: Path | bytes | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, Path):
        return source
    mode = source.stat().st_mode
    # a pipe would be waited for, and can be read once; a clip is read several times
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ValueError("it is a pipe or a device: a file is expected")
    return source.open("rb")


@lru_cache(maxsize=1)
def _allowed_decoders() -> frozenset[str]:
    import av

    names = (name for name in av.codecs_available if name.startswith(_DECODER_PREFIXES))
    return frozenset((*_DECODERS, *names))


def _refuse_to_open(url: str, *_: object) -> NoReturn:
    """Refuse what a media file names: another file, or an address."""
    raise PermissionError(f"a media file names {url}, which is not opened")
