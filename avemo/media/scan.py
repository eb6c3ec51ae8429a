"""One pass over a media file: its sound, block by block, and when its pictures are shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MediaError
from .container import MediaFile, PacketCounter, video_stream
from .decoder import BLOCK_SAMPLES, AudioDecoder, open_wav, read_wav_blocks
from .levels import LevelMeter

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = ["MonoBlock", "Pictures", "Scan", "Streams", "find_streams", "read_mono_blocks"]

#: the sample rate in Hz, and the mean of the channels [shape=(samples,)]
MonoBlock = tuple[int, "NDArray[np.float32]"]


@dataclass(frozen=True)
class Streams:
    """Which streams a file's header names; whether they decode is not known yet.

    Attributes:
        sound: an audio stream, be it silent
        picture: a stream of moving pictures; the cover of a song is none
    """

    sound: bool
    picture: bool


def find_streams(file: MediaFile) -> Streams:
    """Return which streams a file has, read from its header.

    Raises:
        MediaError: `unreadable`
    """
    if wav := open_wav(file):
        wav.close()
        return Streams(sound=True, picture=False)
    with file.container() as container:
        return Streams(bool(container.streams.audio), video_stream(container) is not None)


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
        last_duration: the longest duration of a picture, in units of `time_base`
        stated_duration: the stream's according to its header, in units of `time_base`; 0 for none
        time_base: in seconds
        start_s: the timestamp of the clip's start, in seconds
        corrupt: a packet is known to be damaged
        count: how many pictures there are
        loss: see `PacketCounter`
        duration_s: from the first to the end of the last
        frame_rate: pictures a second, on average
        first: the first that decodes, if one was to be decoded
    """

    timestamps: list[int]
    key_timestamps: list[int]
    last_duration: int
    stated_duration: int
    time_base: Fraction
    start_s: float
    corrupt: bool
    count: int
    loss: str
    duration_s: float
    frame_rate: float | None
    first: Picture | None


class Scan:
    """One pass over a file from its start, made by iterating.

    Iterating yields the sound block by block, and raises MediaError `unreadable`.

    Args:
        file: an open file
        sound: decode the sound
        first_picture: decode the first picture

    Attributes:
        levels: the sound's, once it was read; None without sound
        pictures: None without a video stream
    """

    def __init__(self, file: MediaFile, *, sound: bool = True, first_picture: bool = False) -> None:
        self._file = file
        self._with_sound = sound
        self._with_first_picture = first_picture
        self._sound_error: MediaError | None = None
        self.levels: LevelMeter | None = None
        self.pictures: Pictures | None = None

    def __iter__(self) -> Iterator[MonoBlock]:
        wav = open_wav(self._file) if self._with_sound else None
        if wav is None:
            yield from self._read_container()
            return
        with wav:
            self.levels = LevelMeter(wav.samplerate, wav.channels)
            for block in read_wav_blocks(wav):
                yield _measure(block, self.levels)

    def check_sound(self) -> None:
        """Refuse a sound that is damaged as a whole.

        Raises:
            MediaError: `unreadable`: cut short, or samples that are no numbers
        """
        if self._sound_error:
            raise self._sound_error

    def _read_container(self) -> Iterator[MonoBlock]:
        with self._file.container(rewind=True) as container:
            video = video_stream(container)
            audio = next(iter(container.streams.audio), None) if self._with_sound else None
            pictures = _PictureScan(container, video, self._with_first_picture) if video else None
            decoder = AudioDecoder(audio)
            streams = [stream for stream in (video, audio) if stream is not None]
            pending: list[NDArray[np.float32]] = []
            for packet in self._file.demux(container, *streams) if streams else ():
                if pictures and packet.stream is video:
                    pictures.add(packet)
                    continue
                pending += decoder.decode(packet)
                if sum(map(len, pending)) >= BLOCK_SAMPLES:  # small blocks would take longer
                    yield self._join(pending, decoder)
                    pending = []
            if pending:
                yield self._join(pending, decoder)
            self.pictures = pictures.result() if pictures else None
            try:
                decoder.finish(self._file)
            except MediaError as error:
                self._sound_error = error

    def _join(self, pending: list[NDArray[np.float32]], decoder: AudioDecoder) -> MonoBlock:
        if self.levels is None:
            self.levels = LevelMeter(decoder.sample_rate, decoder.channels)
        return _measure(np.concatenate(pending), self.levels)


def _measure(block: NDArray[np.float32], levels: LevelMeter) -> MonoBlock:
    levels.add(block)
    return levels.sample_rate, block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)


def read_mono_blocks(scan: Scan, file: MediaFile) -> Iterator[MonoBlock]:
    """Yield the sound of a scan, and refuse a file without one.

    Raises:
        MediaError: `no-sound`, `unreadable`
    """
    if not file.is_wav:
        with file.container() as container:
            if not container.streams.audio:
                raise MediaError("no-sound", f"{file.label} has no sound: there is no audio stream")
    yield from scan
    scan.check_sound()
    if scan.levels is None or not scan.levels.samples:
        raise MediaError("unreadable", f"the sound of {file.label} does not decode")


class _PictureScan:
    """Takes the packets of a video stream, as they come."""

    def __init__(self, container: InputContainer, stream: VideoStream, first_picture: bool) -> None:
        from av.error import InvalidDataError

        self._damaged = InvalidDataError
        self._stream = stream
        self._start_s = float((container.start_time or 0) / 1_000_000)
        self._stated_duration = stream.duration or 0
        self._counter = PacketCounter(stream)
        self._timestamps: list[int] = []
        self._key_timestamps: list[int] = []
        self._last_duration = 0
        self._corrupt = False
        self._first: Picture | None = None
        self._first_wanted = first_picture
        self._start = self._end = 0

    def add(self, packet: Packet[Stream]) -> None:
        self._counter.add(packet)
        duration = packet.duration or 0
        if packet.size and packet.pts is not None:
            self._start = min(self._start, packet.pts) if self._counter.count > 1 else packet.pts
            self._end = max(self._end, packet.pts + duration)
        if self._first_wanted and self._first is None:
            with suppress(self._damaged):
                for frame in self._stream.decode(packet)[:1]:
                    self._first = Picture(frame.width, frame.height, round(frame.rotation))
        timestamp = packet.dts if packet.pts is None else packet.pts
        if not packet.size or packet.is_discard or timestamp is None:
            return
        self._corrupt |= packet.is_corrupt
        self._timestamps.append(timestamp)
        self._last_duration = max(self._last_duration, duration)
        if packet.is_keyframe:
            self._key_timestamps.append(timestamp)

    def result(self) -> Pictures:
        """Return plain values: what belongs to FFmpeg's reader ends with it."""
        time_base = self._stream.time_base or Fraction(0)
        count = self._counter.count
        duration_s = float((self._end - self._start) * time_base) if count else 0.0
        average_rate = self._stream.average_rate
        frame_rate = count / duration_s if duration_s else None
        return Pictures(
            timestamps=sorted(self._timestamps),
            key_timestamps=sorted(self._key_timestamps),
            last_duration=self._last_duration,
            stated_duration=self._stated_duration,
            time_base=time_base,
            start_s=self._start_s,
            corrupt=self._corrupt,
            count=count,
            loss=self._counter.loss,
            duration_s=duration_s,
            frame_rate=float(average_rate) if average_rate else frame_rate,
            first=self._first,
        )
