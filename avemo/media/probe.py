"""What a media file holds, measured rather than believed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MediaError
from .container import (
    PacketCounter,
    demux_packets,
    describe_source,
    open_container,
    truncation_error,
    video_stream,
)
from .decoder import BLOCK_SAMPLES, AudioDecoder, open_wav, read_wav_blocks
from .levels import LevelMeter

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

__all__ = ["Probe", "probe"]


@dataclass(frozen=True)
class Probe:
    """A file's measures; None for those of a stream that it lacks.

    Attributes:
        duration_s: of the longer stream, as far as it is there
        has_picture: a video stream decodes (the cover of a song is none)
        has_sound: an audio stream decodes, and is not silent
        has_audio_stream: there is an audio stream, be it silent
        sample_rate: in Hz
        channels: of the sound
        peak_dbfs: the loudest sample of the channels' mean; -inf for digital silence
        clipped_ratio: the share of samples at full scale
        width: pixels as stored, before `rotation`
        height: pixels as stored, before `rotation`
        frame_rate: pictures a second, on average
        frames: pictures
        rotation: degrees that a player turns the picture by, counter-clockwise
    """

    duration_s: float
    has_picture: bool
    has_sound: bool
    has_audio_stream: bool
    sample_rate: int | None = None
    channels: int | None = None
    peak_dbfs: float | None = None
    clipped_ratio: float | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    frames: int | None = None
    rotation: int | None = None


def probe(source: Path | bytes, *, silence_dbfs: float = -60.0) -> Probe:
    """Measure a file: its sound is decoded as a stream, of its pictures only the first.

    Args:
        source: an audio or video file, or its content
        silence_dbfs: a sound whose peak is below is silence

    Raises:
        MediaError: `unreadable`
    """
    meter = _measure_wav(source)
    if meter is None:
        return _probe_container(source, silence_dbfs)
    return _add_level(Probe(meter.duration_s, False, False, True), meter, silence_dbfs)


def _measure_wav(source: Path | bytes) -> LevelMeter | None:
    """Measure a plain WAV file in a tenth of FFmpeg's time; return None for any other file."""
    wav = open_wav(source)
    if wav is None:
        return None
    with wav:
        meter = LevelMeter(wav.samplerate, wav.channels)
        for block in read_wav_blocks(wav):
            meter.add(block)
    return meter


def _probe_container(source: Path | bytes, silence_dbfs: float) -> Probe:
    with open_container(source) as container:
        picture, sound = _PictureProbe(container), _SoundProbe(container)
        streams = [stream for stream in (picture.stream, sound.stream) if stream is not None]
        for packet in demux_packets(container, *streams) if streams else ():
            (sound if packet.stream is sound.stream else picture).add(packet)
        if picture.counter.loss:
            raise truncation_error(source, picture.counter.loss)
        sound.finish(source)
    if picture.first is None and sound.meter is None:
        raise MediaError(
            "unreadable", f"nothing in {describe_source(source)} decodes, sound or picture"
        )
    sound_duration_s = sound.meter.duration_s if sound.meter else 0.0
    measures = Probe(
        duration_s=max(picture.duration_s, sound_duration_s),
        has_picture=picture.first is not None,
        has_sound=False,
        has_audio_stream=sound.stream is not None,
    )
    if picture.first is not None:
        measures = replace(
            measures,
            width=picture.first.width,
            height=picture.first.height,
            frame_rate=picture.frame_rate,
            frames=picture.counter.count,
            rotation=round(picture.first.rotation),
        )
    return _add_level(measures, sound.meter, silence_dbfs) if sound.meter else measures


def _add_level(measures: Probe, meter: LevelMeter, silence_dbfs: float) -> Probe:
    return replace(
        measures,
        has_sound=meter.peak_dbfs >= silence_dbfs,
        sample_rate=meter.sample_rate,
        channels=meter.channels,
        peak_dbfs=meter.peak_dbfs,
        clipped_ratio=meter.clipped_ratio,
    )


class _PictureProbe:
    """Measures the video stream, if the file has one."""

    def __init__(self, container: InputContainer) -> None:
        from av.error import InvalidDataError

        self._damaged = InvalidDataError
        self.stream = video_stream(container)
        self.counter = PacketCounter(self.stream)
        self.first: VideoFrame | None = None
        self._start = self._end = 0

    @property
    def duration_s(self) -> float:
        if self.stream is None or not self.counter.count:
            return 0.0
        return float((self._end - self._start) * (self.stream.time_base or 0))

    @property
    def frame_rate(self) -> float | None:
        if self.stream and self.stream.average_rate:
            return float(self.stream.average_rate)
        return self.counter.count / self.duration_s if self.duration_s else None

    def add(self, packet: Packet[Stream]) -> None:
        self.counter.add(packet)
        if packet.size and packet.pts is not None:
            self._start = min(self._start, packet.pts) if self.counter.count > 1 else packet.pts
            self._end = max(self._end, packet.pts + (packet.duration or 0))
        if self.first is None and self.stream is not None:
            with suppress(self._damaged):
                self.first = next(iter(self.stream.decode(packet)), None)


class _SoundProbe:
    """Measures the first audio stream, if the file has one."""

    def __init__(self, container: InputContainer) -> None:
        self.stream = next(iter(container.streams.audio), None)
        self._decoder = AudioDecoder(self.stream)
        self.meter: LevelMeter | None = None
        self._pending: list[NDArray[np.float32]] = []

    def add(self, packet: Packet[Stream]) -> None:
        self._pending += self._decoder.decode(packet)
        if sum(map(len, self._pending)) >= BLOCK_SAMPLES:
            self._measure_pending()

    def finish(self, source: Path | bytes) -> None:
        """Measure the rest, and check the stream as a whole."""
        self._measure_pending()
        self._decoder.finish(source)

    def _measure_pending(self) -> None:
        """Measure the decoded blocks together; many small ones would take longer."""
        if self._pending:
            if self.meter is None:
                self.meter = LevelMeter(self._decoder.sample_rate, self._decoder.channels)
            self.meter.add(np.concatenate(self._pending))
            self._pending = []
