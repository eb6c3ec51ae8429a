"""One pass over a media file: its sound, block by block, and when its pictures are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MediaError
from .channels import mix
from .container import MediaFile, PacketCounter, audio_stream, video_stream
from .decoder import BLOCK_SAMPLES, AudioDecoder, open_wav, read_wav_blocks
from .levels import LevelMeter
from .restarts import RESTARTING_FORMATS

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = [
    "MonoBlock",
    "Pictures",
    "Scan",
    "Streams",
    "find_streams",
    "mono_blocks",
    "read_mono_blocks",
    "start_time",
]

#: the sample rate in Hz, and one channel [shape=(samples,)]
MonoBlock = tuple[int, "NDArray[np.float32]"]

#: which channel is taken is decided on as much of a sound: 32 MB, a minute and a half of stereo
_MAX_WAITING_SAMPLES = 2**23


@dataclass(frozen=True)
class Streams:
    """Which streams a file's header names; whether they decode is not known yet.

    Attributes:
        sound: an audio stream, be it silent
        picture: a stream of moving pictures; the cover of a song is none
        audio_track: the audio stream that is taken of several, as FFmpeg counts them, from 0; None
            where there is one, or none
        video_track: likewise, of the video streams, covers among them
    """

    sound: bool
    picture: bool
    audio_track: int | None = None
    video_track: int | None = None


def find_streams(file: MediaFile) -> Streams:
    """Return which streams a file has, read from its header.

    Raises:
        MediaError: `unreadable`
    """
    if wav := open_wav(file):
        wav.close()
        return Streams(sound=True, picture=False)
    with file.container() as container:
        audio, video = audio_stream(container), video_stream(container)
        return Streams(
            sound=audio is not None,
            picture=video is not None,
            audio_track=_track_number(audio, container.streams.audio),
            video_track=_track_number(video, container.streams.video),
        )


def _track_number(stream: Stream | None, streams: Sequence[Stream]) -> int | None:
    """Return a stream's place among those of its kind; None where it is the only one."""
    if stream is None or len(streams) < 2:
        return None
    return [other.index for other in streams].index(stream.index)


def start_time(container: InputContainer) -> Fraction:
    """Return the time stamp of the clip's start, in seconds: where sound or picture begins."""
    return Fraction(container.start_time or 0, 1_000_000)


@dataclass(frozen=True)
class Picture:
    """A decoded picture's size in pixels, as stored, and the degrees that a player turns it by."""

    width: int
    height: int
    rotation: int


@dataclass(frozen=True)
class Pictures:
    """What the packets of a video stream say of its pictures, which are not decoded for that.

    Attributes:
        timestamps: when each is shown, ascending, in units of `time_base`
        key_timestamps: those of the key frames
        time_base: in seconds
        start_s: the timestamp of the clip's start, in seconds
        corrupt: a packet is known to be damaged; of a file that may be several joined ones, most
        seekable: a seek may find its way, because the file's clock never starts anew
        count: how many pictures there are
        loss: see `PacketCounter`
        duration_s: from the first to the end of the last
        end_s: when the last ends, in seconds from the clip's start
        frame_rate: pictures a second, on average
        first: the first that decodes, if one was to be decoded
    """

    timestamps: list[int]
    key_timestamps: list[int]
    time_base: Fraction
    start_s: float
    corrupt: bool
    seekable: bool
    count: int
    loss: str
    duration_s: float
    end_s: float
    frame_rate: float | None
    first: Picture | None


class Scan:
    """One pass over a file from its start, made by iterating.

    Iterating yields the sound block by block [shape=(samples, channels)], and raises MediaError
    `unreadable`. Gaps between its time stamps are silence.

    Args:
        file: an open file
        sound: decode the sound
        first_picture: decode the first picture

    Attributes:
        levels: the sound's, once it was read; None without sound
        sound_start_s: when the sound begins, in seconds from the clip's start
        pictures: None without a video stream
    """

    def __init__(self, file: MediaFile, *, sound: bool = True, first_picture: bool = False) -> None:
        self._file = file
        self._with_sound = sound
        self._with_first_picture = first_picture
        self._sound_error: MediaError | None = None
        self.levels: LevelMeter | None = None
        self.sound_start_s = 0.0
        self.pictures: Pictures | None = None

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        wav = open_wav(self._file) if self._with_sound else None
        if wav is None:
            yield from self._read_container()
            return
        with wav:
            self.levels = LevelMeter(wav.samplerate, wav.channels)
            for block in read_wav_blocks(wav):
                self.levels.add(block)
                yield block

    def check_sound(self) -> None:
        """Refuse a sound that is damaged as a whole.

        Raises:
            MediaError: `unreadable`: cut short, or samples that are no numbers
        """
        if self._sound_error:
            raise self._sound_error

    def _read_container(self) -> Iterator[NDArray[np.float32]]:
        with self._file.container(rewind=True) as container:
            video = video_stream(container)
            audio = audio_stream(container) if self._with_sound else None
            start = start_time(container)
            pictures = None
            if video:
                pictures = _PictureScan(self._file, video, start, self._with_first_picture)
            decoder = AudioDecoder(audio, self._file, start)
            streams: list[Stream] = [stream for stream in (video, audio) if stream is not None]
            pending: list[NDArray[np.float32]] = []
            for packet in self._file.demux(container, *streams) if streams else ():
                if pictures and packet.stream is video:
                    pictures.add(packet)
                    continue
                pending += decoder.decode(packet)
                if sum(map(len, pending)) >= BLOCK_SAMPLES:  # small blocks would take longer
                    yield self._join(pending, decoder)
                    pending = []
            pending += decoder.flush()
            if pending:
                yield self._join(pending, decoder)
            self.pictures = pictures.result() if pictures else None
            try:
                decoder.check()
            except MediaError as error:
                self._sound_error = error

    def _join(
        self, pending: list[NDArray[np.float32]], decoder: AudioDecoder
    ) -> NDArray[np.float32]:
        if self.levels is None:
            self.levels = LevelMeter(decoder.sample_rate, decoder.channels)
            self.sound_start_s = float(decoder.start or 0)
        block = np.concatenate(pending)
        self.levels.add(block)
        return block


def mono_blocks(scan: Scan) -> Iterator[MonoBlock]:
    """Yield the sound of a scan as one channel: the mean, or one of them, see `select_channel`."""
    waiting: list[NDArray[np.float32]] = []
    for block in scan:
        assert scan.levels
        if scan.levels.is_settled:
            yield scan.levels.sample_rate, mix(block, scan.levels.channel)
            continue
        waiting.append(block)
        if scan.levels.samples * scan.levels.channels > _MAX_WAITING_SAMPLES:
            scan.levels.settle()
            yield from _mix_all(waiting, scan.levels)
    if scan.levels:
        yield from _mix_all(waiting, scan.levels)


def _mix_all(waiting: list[NDArray[np.float32]], levels: LevelMeter) -> Iterator[MonoBlock]:
    """Yield the blocks that waited for the choice of a channel, and forget them."""
    channel = levels.channel
    while waiting:
        yield levels.sample_rate, mix(waiting.pop(0), channel)


def read_mono_blocks(scan: Scan, file: MediaFile) -> Iterator[MonoBlock]:
    """Yield the sound of a scan as `mono_blocks` does, and refuse a file without one.

    Raises:
        MediaError: `no-sound`, `unreadable`
    """
    if not file.is_wav:
        with file.container() as container:
            if audio_stream(container) is None:
                raise MediaError("no-sound", f"{file.label} has no sound: there is no audio stream")
    yield from mono_blocks(scan)
    scan.check_sound()
    if scan.levels is None or not scan.levels.samples:
        raise MediaError("unreadable", f"the sound of {file.label} does not decode")


class _PictureScan:
    """Takes the packets of a video stream, as they come."""

    def __init__(
        self, file: MediaFile, stream: VideoStream, start: Fraction, first_picture: bool
    ) -> None:
        from av.error import InvalidDataError

        self._damaged = InvalidDataError
        self._stream = stream
        self._start_s = float(start)
        self._counter = PacketCounter(stream, is_torn=file.is_torn)
        self._timestamps: list[int] = []
        self._key_timestamps: list[int] = []
        self._file = file
        self._corrupt = 0
        self._first: Picture | None = None
        self._first_wanted = first_picture
        self._start: int | None = None
        self._end = 0

    def add(self, packet: Packet[Stream]) -> None:
        self._counter.add(packet)
        shown = packet.size and not packet.is_discard
        if shown and packet.pts is not None:
            self._start = packet.pts if self._start is None else min(self._start, packet.pts)
            self._end = max(self._end, packet.pts + (packet.duration or 0))
        if self._first_wanted and self._first is None:
            with suppress(self._damaged):
                for frame in self._stream.decode(packet)[:1]:
                    self._first = Picture(frame.width, frame.height, round(frame.rotation))
        timestamp = packet.dts if packet.pts is None else packet.pts
        if not shown or timestamp is None:
            return
        self._corrupt += packet.is_corrupt
        self._timestamps.append(timestamp)
        if packet.is_keyframe:
            self._key_timestamps.append(timestamp)

    def result(self) -> Pictures:
        """Return plain values: what belongs to FFmpeg's reader ends with it."""
        time_base = self._stream.time_base or Fraction(0)
        count = len(self._timestamps)
        duration_s = float((self._end - (self._start or 0)) * time_base) if count else 0.0
        end_s = float(self._end * time_base) - self._start_s if count else 0.0
        average_rate = self._stream.average_rate
        frame_rate = count / duration_s if duration_s else None
        # where two files are joined, a packet looks damaged that is not
        joined = self._stream.container.format.name in RESTARTING_FORMATS
        return Pictures(
            timestamps=sorted(self._timestamps),
            key_timestamps=sorted(self._key_timestamps),
            time_base=time_base,
            start_s=self._start_s,
            corrupt=self._corrupt > (count / 2 if joined else 0),
            seekable=not self._file.restarts,
            count=count,
            loss=self._counter.loss,
            duration_s=duration_s,
            end_s=max(duration_s, end_s),
            frame_rate=float(average_rate) if average_rate else frame_rate,
            first=self._first,
        )
