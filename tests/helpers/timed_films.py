"""Films whose pictures and sound begin, end and change at known times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

__all__ = ["RATE", "tone", "write_timed_film"]

Packet: TypeAlias = "av.Packet[Stream]"

RATE = 16000
#: container and codecs by the name of a test
CONTAINERS = {
    "mp4": ("mp4", "mpeg4", "aac", {}),
    "mp4-fast": ("mp4", "mpeg4", "aac", {"movflags": "faststart"}),
    "mkv": ("matroska", "mpeg4", "pcm_s16le", {}),
    "webm-live": ("webm", "libvpx", "libopus", {"live": "1"}),  # as a browser records
    "ts": ("mpegts", "mpeg2video", "mp2", {}),
}


def tone(seconds: float, hz: float, level: float = 0.3) -> NDArray[np.float32]:
    """Return a tone [shape=(samples,)] at `RATE`."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def write_timed_film(
    file: Path,
    container: str,
    *,
    picture_times: Sequence[float] = (),
    draw: Callable[[float], NDArray[np.uint8]] | None = None,
    sound: NDArray[np.float32] | None = None,
    sound_start: float = 0.0,
) -> Path:
    """Write a film.

    Args:
        file: its path
        container: one of `CONTAINERS`
        picture_times: when each picture is shown, in seconds
        draw: from the time to the picture, RGB
        sound: at `RATE` [shape=(samples,)]
        sound_start: when it begins, in seconds
    """
    format_name, video_codec, audio_codec, options = CONTAINERS[container]
    with av.open(str(file), "w", format=format_name, options=options) as output:
        packets: list[Packet] = []
        if draw:
            packets += _encode_pictures(output, video_codec, picture_times, draw)
        if sound is not None:
            packets += _encode_sound(output, audio_codec, sound, sound_start)
        output.mux(sorted(packets, key=_moment))
    return file


def _moment(packet: Packet) -> Fraction:
    assert packet.dts is not None
    assert packet.time_base is not None
    return packet.dts * packet.time_base


def _encode_pictures(
    output: OutputContainer,
    codec: str,
    times: Sequence[float],
    draw: Callable[[float], NDArray[np.uint8]],
) -> list[Packet]:
    stream = output.add_stream(codec, rate=25)
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = draw(times[0]).shape[:2]
    stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
    base = Fraction(1, 25) if codec == "mpeg2video" else Fraction(1, 1000)
    stream.codec_context.time_base = base
    packets: list[Packet] = []
    for time in times:
        frame = av.VideoFrame.from_ndarray(draw(time), format="rgb24")
        frame.pts, frame.time_base = round(Fraction(time) / base), base
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def _encode_sound(
    output: OutputContainer, codec: str, sound: NDArray[np.float32], start: float
) -> list[Packet]:
    rate = 48000 if codec == "libopus" else RATE
    stream = output.add_stream(codec, rate=rate, layout="mono")
    assert isinstance(stream, AudioStream)
    frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, round(start * RATE), Fraction(1, RATE)
    context = stream.codec_context
    assert context.format
    resampler = av.AudioResampler(
        context.format.name, "mono", context.sample_rate, context.frame_size or 1024
    )
    blocks = [*resampler.resample(frame), *resampler.resample(None)]
    return [packet for block in [*blocks, None] for packet in stream.encode(block)]
