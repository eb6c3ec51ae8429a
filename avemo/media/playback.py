"""A clip as it is played: sound and pictures in one pass, on one clock, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import MediaError
from .channels import mix
from .container import MediaFile, audio_stream, video_stream
from .continuity import Continuity, TimedBlock
from .decoder import MAX_AMPLITUDE
from .frames import to_image
from .levels import LevelMeter
from .scan import start_time

if TYPE_CHECKING:
    import numpy as np
    from av import Packet
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = ["Opening", "PlayedPicture", "PlayedSound", "play"]


@dataclass(frozen=True)
class Opening:
    """What a clip turned out to have, before anything of it is played.

    Args:
        sound: there is an audio stream
        picture: there is a stream of moving pictures
    """

    sound: bool
    picture: bool


@dataclass(frozen=True, eq=False)
class PlayedSound:
    """A block of sound.

    Args:
        start: when it is heard, in seconds from the clip's start
        sample_rate: in Hz
        samples: one channel: the mean, or the loudest so far where they cancel each other, see
            `channels.select_channel` [shape=(samples,)]
    """

    start: Fraction
    sample_rate: int
    samples: NDArray[np.float32]

    @property
    def end(self) -> Fraction:
        """When the next sample would be heard, in seconds."""
        return self.start + Fraction(len(self.samples), self.sample_rate)


@dataclass(frozen=True, eq=False)
class PlayedPicture:
    """A picture.

    Args:
        time: when it is shown, in seconds from the clip's start
        image: BGR, upright [shape=(height, width, 3)]; None for one that was not wanted
    """

    time: Fraction
    image: NDArray[np.uint8] | None


Played = Opening | PlayedSound | PlayedPicture


def play(file: MediaFile, picture_interval: Fraction | None) -> Iterator[Played]:
    """Yield the sound of a clip and some of its pictures, in the order that the file has them.

    Time is counted by presentation time stamps, from where the earlier of sound and picture begins:
    a sound that starts later than the picture, or a variable frame rate, does not shift anything.
    Nothing is kept, and nothing is read twice, so that a file of any length takes the same memory,
    and one that is still arriving can be read.

    Args:
        file: an open file
        picture_interval: in seconds; of the pictures in each interval, the first is converted.
            Others are decoded only if pictures after them depend on them. None: sound alone

    Yields:
        an `Opening`, then sound and pictures. Damaged packets are skipped, as players do

    Raises:
        MediaError: `unreadable`: no media, or nothing of it decodes
    """
    with file.container(rewind=True) as container:
        video = video_stream(container) if picture_interval is not None else None
        audio = audio_stream(container)
        streams: list[Stream] = [stream for stream in (audio, video) if stream is not None]
        if not streams:
            raise MediaError("unreadable", f"{file.label} has nothing that could be played")
        yield Opening(audio is not None, video is not None)
        zero = start_time(container)
        sound = _SoundTrack(audio, zero) if audio else None
        picture = None
        if video and picture_interval:
            picture = _PictureTrack(video, zero, picture_interval, file.label)
        for packet in file.demux(container, *streams):
            if picture and packet.stream is video:
                yield from picture.decode(packet)
            elif sound:
                yield from sound.decode(packet)
        if sound:
            yield from sound.finish()


class _SoundTrack:
    """Turns packets into blocks whose samples follow each other without gaps.

    Args:
        stream: the audio stream
        zero: time stamp of the clip's start, in seconds
    """

    def __init__(self, stream: AudioStream, zero: Fraction) -> None:
        import av

        self._stream = stream
        self._damaged = av.error.FFmpegError
        self._resampler = av.AudioResampler(format="flt")  # see `decoder.AudioDecoder`
        self._continuity = Continuity(zero)
        self._levels: LevelMeter | None = None

    def decode(self, packet: Packet[Stream]) -> Iterator[PlayedSound]:
        """Yield the sound of a packet; a gap before it is filled with silence."""
        frames: list[AudioFrame] = []
        with suppress(self._damaged):
            frames = self._stream.decode(packet)
        for frame in frames:
            with suppress(self._damaged, ValueError):  # ValueError: the format changes midway
                for part in self._resampler.resample(frame):
                    yield from self._mix(self._continuity.place(frame, _samples(frame, part)))

    def finish(self) -> Iterator[PlayedSound]:
        """Yield the rest, after the last packet."""
        yield from self._mix(self._continuity.finish())

    def _mix(self, blocks: Iterator[TimedBlock]) -> Iterator[PlayedSound]:
        for block in blocks:
            levels = self._levels
            if levels is None or levels.channels != block.samples.shape[1]:
                levels = self._levels = LevelMeter(block.sample_rate, block.samples.shape[1])
            levels.add(block.samples)
            yield PlayedSound(block.start, block.sample_rate, mix(block.samples, levels.channel))


def _samples(frame: AudioFrame, part: AudioFrame) -> NDArray[np.float32]:
    """Return samples as numbers in bounds [shape=(samples, channels)]."""
    import numpy as np

    samples = np.asarray(part.to_ndarray(), np.float32).reshape(-1, frame.layout.nb_channels)
    samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return samples.clip(-MAX_AMPLITUDE, MAX_AMPLITUDE)


class _PictureTrack:
    """Turns packets into pictures, and converts those that are wanted.

    Args:
        stream: the video stream
        zero: time stamp of the clip's start, in seconds
        interval: in seconds; the first picture in each is wanted
        label: what messages call the file
    """

    def __init__(self, stream: VideoStream, zero: Fraction, interval: Fraction, label: str) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        if not stream.codec_context:
            raise MediaError("unreadable", f"{label} has a picture that FFmpeg has no decoder for")
        self._stream = stream
        self._zero = zero
        self._interval = interval
        self._damaged = av.error.FFmpegError
        self._reformatter = VideoReformatter()
        self._pixel_aspect = float(stream.sample_aspect_ratio or 1)
        self._next = Fraction(0)  # where the next interval begins that no picture is from yet

    def decode(self, packet: Packet[Stream]) -> Iterator[PlayedPicture]:
        """Yield the pictures of a packet."""
        needed = self._may_be_wanted(packet)
        self._stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
        frames: list[VideoFrame] = []
        with suppress(self._damaged):
            frames = self._stream.decode(packet)
        for frame in frames:
            timestamp = frame.dts if frame.pts is None else frame.pts
            if timestamp is None or frame.time_base is None:
                continue
            time = timestamp * frame.time_base - self._zero
            image = None
            if time >= self._next:
                self._next = (time // self._interval + 1) * self._interval
                image = to_image(frame, self._pixel_aspect, self._reformatter)
            yield PlayedPicture(max(Fraction(0), time), image)

    def _may_be_wanted(self, packet: Packet[Stream]) -> bool:
        """Return whether a packet's picture may be the first of its interval.

        It is not, where the picture before it, shown a picture's duration earlier, is in the same
        interval. Decoding one too many costs time alone.
        """
        if packet.pts is None or not packet.duration or not packet.time_base:
            return True
        time = packet.pts * packet.time_base - self._zero
        before = time - 2 * packet.duration * packet.time_base
        return before // self._interval < time // self._interval
