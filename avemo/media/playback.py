"""A clip as it is played: sound and pictures in one pass, on one clock, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import MediaError
from .container import MediaFile, video_stream
from .decoder import MAX_AMPLITUDE
from .frames import to_image

if TYPE_CHECKING:
    import numpy as np
    from av import Packet
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = ["Opening", "PlayedPicture", "PlayedSound", "play"]

#: time stamps of neighbouring packets may be rounded by as much, without a gap between them
_TOLERANCE_S = Fraction(1, 50)
#: a longer gap in the sound is not filled with silence: a damaged time stamp looks like that
_MAX_GAP_S = 3600


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
        samples: the mean of the channels [shape=(samples,)]
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
        audio = next(iter(container.streams.audio), None)
        streams: list[Stream] = [stream for stream in (audio, video) if stream is not None]
        if not streams:
            raise MediaError("unreadable", f"{file.label} has nothing that could be played")
        yield Opening(audio is not None, video is not None)
        zero = _zero(container)
        sound = _SoundTrack(audio, zero) if audio else None
        picture = None
        if video and picture_interval:
            picture = _PictureTrack(video, zero, picture_interval, file.label)
        for packet in file.demux(container, *streams):
            if picture and packet.stream is video:
                yield from picture.decode(packet)
            elif sound:
                yield from sound.decode(packet)


def _zero(container: InputContainer) -> Fraction:
    """Return the time stamp of the clip's start, in seconds."""
    return Fraction(container.start_time or 0, 1_000_000)


class _SoundTrack:
    """Turns packets into blocks whose samples follow each other without gaps.

    Args:
        stream: the audio stream
        zero: time stamp of the clip's start, in seconds
    """

    def __init__(self, stream: AudioStream, zero: Fraction) -> None:
        import av

        self._stream = stream
        self._zero = zero
        self._damaged = av.error.FFmpegError
        self._resampler = av.AudioResampler(format="flt")  # see `decoder.AudioDecoder`
        self._end: Fraction | None = None

    def decode(self, packet: Packet[Stream]) -> Iterator[PlayedSound]:
        """Yield the sound of a packet; a gap before it is filled with silence."""
        frames: list[AudioFrame] = []
        with suppress(self._damaged):
            frames = self._stream.decode(packet)
        for frame in frames:
            with suppress(self._damaged, ValueError):  # ValueError: the format changes midway
                for part in self._resampler.resample(frame):
                    yield from self._place(frame, part)

    def _place(self, frame: AudioFrame, part: AudioFrame) -> Iterator[PlayedSound]:
        import numpy as np

        samples = np.asarray(part.to_ndarray(), np.float32)
        samples = samples.reshape(-1, frame.layout.nb_channels).mean(axis=1)
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        samples = samples.clip(-MAX_AMPLITUDE, MAX_AMPLITUDE)
        rate = frame.sample_rate
        start = self._start_of(frame)
        if self._end is not None and abs(start - self._end) > _TOLERANCE_S:
            if start > self._end:
                gap = start - self._end
                if gap < _MAX_GAP_S:
                    yield PlayedSound(self._end, rate, np.zeros(round(gap * rate), np.float32))
            else:  # it is heard already
                samples = samples[round((self._end - start) * rate) :]
                start = self._end
        elif self._end is not None:
            start = self._end
        if len(samples):
            block = PlayedSound(start, rate, samples)
            self._end = block.end
            yield block

    def _start_of(self, frame: AudioFrame) -> Fraction:
        if frame.pts is None or frame.time_base is None:
            return self._end or Fraction(0)
        return max(Fraction(0), frame.pts * frame.time_base - self._zero)


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
