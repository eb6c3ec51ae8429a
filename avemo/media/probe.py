"""What a media file holds, measured rather than believed."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MediaError
from .container import Packets, cut_short, name, opened, packets
from .decoder import BLOCK, Decoder, opened_wav, wav_blocks
from .levels import Level

__all__ = ["Probe", "probe"]


@dataclass(frozen=True)
class Probe:
    """A file's measures; None where it has no such stream.

    Attributes:
        duration_s: of the longer stream, as far as it is there
        has_picture: a video stream decodes (a cover picture of a song is none)
        has_sound: an audio stream decodes, and is not silent
        has_audio_stream: there is an audio stream, be it silent
        sample_rate: in Hz
        channels: of the sound
        peak_dbfs: the loudest sample of the channels' mean; -inf for digital silence
        clipped: the share of samples at full scale
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
    clipped: float | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    frames: int | None = None
    rotation: int | None = None


def probe(source: Path | bytes, *, silence_dbfs: float = -60.0) -> Probe:
    """Measure a file: its sound is decoded as a stream, of its pictures the first alone.

    Args:
        source: an audio or video file, or its content
        silence_dbfs: a sound whose peak stays below is silence

    Raises:
        MediaError: `unreadable`
    """
    level = _wav(source)
    if level is None:
        return _decoded(source, silence_dbfs)
    return Probe(
        duration_s=level.duration_s,
        has_picture=False,
        has_audio_stream=True,
        **_heard(level, silence_dbfs),
    )


def _wav(source: Path | bytes) -> Level | None:
    """The sound of a plain WAV file, in a tenth of FFmpeg's time; None where it is none."""
    wav = opened_wav(source)
    if wav is None:
        return None
    with wav:
        level = Level(wav.samplerate, wav.channels)
        for block in wav_blocks(wav):
            level.take(block)
    return level


def _decoded(source: Path | bytes, silence_dbfs: float) -> Probe:
    with opened(source) as container:
        picture, sound = _Picture(container), _Sound(container)
        streams = [part.stream for part in (picture, sound) if part.stream is not None]
        for packet in packets(container, *streams) if streams else ():
            (sound if packet.stream is sound.stream else picture).take(packet)
        if picture.packets.missing:
            raise cut_short(source, picture.packets.missing)
        sound.finish(source)
    if not picture.decodes and sound.level is None:
        raise MediaError("unreadable", f"nothing in {name(source)} decodes, sound or picture")
    return Probe(
        duration_s=max(picture.duration_s, sound.duration_s),
        has_picture=picture.decodes,
        has_audio_stream=sound.stream is not None,
        width=picture.first.width if picture.decodes else None,
        height=picture.first.height if picture.decodes else None,
        frame_rate=picture.frame_rate if picture.decodes else None,
        frames=picture.packets.count if picture.decodes else None,
        rotation=round(picture.first.rotation) if picture.decodes else None,
        **_heard(sound.level, silence_dbfs),
    )


def _heard(level: Level | None, silence_dbfs: float) -> dict[str, Any]:
    if level is None:
        return {"has_sound": False}
    return {
        "has_sound": level.peak_dbfs >= silence_dbfs,
        "sample_rate": level.sample_rate,
        "channels": level.channels,
        "peak_dbfs": level.peak_dbfs,
        "clipped": level.clipped,
    }


class _Picture:
    """The first video stream that is no cover picture."""

    def __init__(self, container: Any) -> None:
        from av.error import InvalidDataError
        from av.stream import Disposition

        self._damaged = InvalidDataError
        cover = Disposition.attached_pic
        videos = (one for one in container.streams.video if not one.disposition & cover)
        self.stream: Any = next(videos, None)
        self.packets = Packets(self.stream)
        self.first: Any = None
        self._start = self._end = 0

    @property
    def decodes(self) -> bool:
        return self.first is not None

    @property
    def duration_s(self) -> float:
        if not self.packets.count:
            return 0.0
        return float((self._end - self._start) * self.stream.time_base)

    @property
    def frame_rate(self) -> float | None:
        if self.stream.average_rate:
            return float(self.stream.average_rate)
        return self.packets.count / self.duration_s if self.duration_s else None

    def take(self, packet: Any) -> None:
        self.packets.take(packet)
        if packet.size and packet.pts is not None:
            self._start = min(self._start, packet.pts) if self.packets.count > 1 else packet.pts
            self._end = max(self._end, packet.pts + (packet.duration or 0))
        if self.first is None:
            with suppress(self._damaged):
                self.first = next(iter(packet.decode()), None)


class _Sound:
    """The first audio stream."""

    def __init__(self, container: Any) -> None:
        self.stream: Any = next(iter(container.streams.audio), None)
        self._decoder = Decoder(self.stream)
        self.level: Level | None = None
        self._waiting: list[np.ndarray] = []

    @property
    def duration_s(self) -> float:
        return self.level.duration_s if self.level is not None else 0.0

    def take(self, packet: Any) -> None:
        self._waiting += self._decoder.take(packet)
        if sum(map(len, self._waiting)) >= BLOCK:
            self._measure()

    def finish(self, source: Path | bytes) -> None:
        """Measure the rest, and refuse a stream that is not whole."""
        self._measure()
        self._decoder.finish(source)

    def _measure(self) -> None:
        """Measure what waits; many small blocks would take longer."""
        if self._waiting:
            if self.level is None:
                self.level = Level(self._decoder.sample_rate, self._decoder.channels)
            self.level.take(np.concatenate(self._waiting))
            self._waiting = []
