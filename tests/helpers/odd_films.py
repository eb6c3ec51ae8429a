"""Films in odd forms, whose picture shows its own time and whose voice is heard at a known time."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

__all__ = [
    "CHANNELS",
    "CONTAINERS",
    "PICTURE_S",
    "VOICE_HZ",
    "VOICE_S",
    "OddFilm",
    "shown_time",
    "write_odd_film",
]

Packet: TypeAlias = "av.Packet[Stream]"

FPS, RATE = 25, 48000
#: the picture's and the voice's duration
PICTURE_S, VOICE_S = 4.0, 1.6
VOICE_HZ, OTHER_HZ = 440.0, 1500.0
_SIZE = (160, 120)  # width, height

#: by suffix: format, video codec, audio codec
CONTAINERS = {
    "mp4": ("mp4", "libx264", "aac"),
    "mov": ("mov", "libx264", "pcm_s16le"),
    "mkv": ("matroska", "libx264", "flac"),
    "webm": ("webm", "libvpx", "libopus"),
    "frag.mp4": ("mp4", "mpeg4", "aac"),
    "live.mkv": ("matroska", "libx264", "aac"),
    "mts": ("mpegts", "libx264", "aac"),
    "mpg": ("mpeg", "mpeg2video", "mp2"),
    "avi": ("avi", "mpeg4", "pcm_s16le"),
    "flv": ("flv", "libx264", "aac"),
}
#: by name: how the container is written
_OPTIONS = {
    "frag.mp4": {"movflags": "frag_keyframe+empty_moov"},
    "live.mkv": {"live": "1"},  # without duration and cues
}
#: by name, what each channel has of the voice, and their layout
CHANNELS = {
    "mono": ([1.0], "mono"),
    "stereo": ([1.0, 1.0], "stereo"),
    "left alone": ([1.0, 0.0], "stereo"),
    "opposite": ([1.0, -1.0], "stereo"),
}


@dataclass(frozen=True)
class OddFilm:
    """A form of a film.

    Args:
        container: one of `CONTAINERS`
        gop: pictures from one key frame to the next
        late_s: when the voice begins, in seconds from the first picture
        channels: one of `CHANNELS`
        comment: another track comes first, which the file marks as a comment; Matroska alone
        cover: a single picture comes first, which the file does not mark as a cover; MOV alone
    """

    container: str = "mp4"
    gop: int = 12
    late_s: float = 0.0
    channels: str = "mono"
    comment: bool = False
    cover: bool = False


def write_odd_film(folder: Path, film: OddFilm) -> Path:
    """Write a film, and return its path."""
    format_name, video_codec, audio_codec = CONTAINERS[film.container]
    file = folder / f"film.{film.container}"
    options = _OPTIONS.get(film.container, {})
    with av.open(str(file), "w", format=format_name, options=options) as output:
        cover = _add_video(output, "png", 1) if film.cover else None
        video = _add_video(output, video_codec, film.gop)
        tracks = [OTHER_HZ, VOICE_HZ] if film.comment else [VOICE_HZ]
        shares, layout = CHANNELS[film.channels]
        sounds = [_add_audio(output, audio_codec, layout) for _ in tracks]
        if film.comment:
            sounds[0].disposition = Disposition.comment
        packets = _encode_pictures(video)
        if cover:
            packets += _encode_pictures(cover, count=1)
        for stream, hz in zip(sounds, tracks, strict=True):
            voice = tone(hz)[:, None] * np.array(shares, np.float32)
            packets += _encode_sound(stream, voice, layout, film.late_s)
        output.mux(sorted(packets, key=_moment))
    return file


def tone(hz: float) -> NDArray[np.float32]:
    """Return `VOICE_S` of a tone [shape=(samples,)] at `RATE`."""
    time = np.arange(round(VOICE_S * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def shown_time(image: NDArray[np.uint8]) -> float:
    """Return the time that a picture shows, in seconds."""
    return (float(image.mean()) - 40) / 40


def _draw(time_s: float) -> NDArray[np.uint8]:
    return np.full((_SIZE[1], _SIZE[0], 3), round(40 + 40 * time_s), np.uint8)


def _add_video(output: OutputContainer, codec: str, gop: int) -> VideoStream:
    stream = output.add_stream(codec, rate=FPS)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = _SIZE
    stream.pix_fmt, stream.bit_rate = "rgb24" if codec == "png" else "yuv420p", 1_000_000
    stream.codec_context.gop_size = gop
    stream.codec_context.time_base = Fraction(1, FPS)
    return stream


def _add_audio(output: OutputContainer, codec: str, layout: str) -> AudioStream:
    stream = output.add_stream(codec, rate=RATE if codec != "flv" else 44100, layout=layout)
    assert isinstance(stream, AudioStream)
    return stream


def _encode_pictures(stream: VideoStream, count: int = round(PICTURE_S * FPS)) -> list[Packet]:
    packets: list[Packet] = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(_draw(number / FPS), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def _encode_sound(
    stream: AudioStream, sound: NDArray[np.float32], layout: str, start_s: float
) -> list[Packet]:
    packed = np.ascontiguousarray(sound.reshape(1, -1))
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate, frame.pts = RATE, round(start_s * RATE)
    frame.time_base = Fraction(1, RATE)
    context = stream.codec_context
    assert context.format
    resampler = av.AudioResampler(
        context.format.name, layout, context.sample_rate, context.frame_size or 1024
    )
    blocks = [*resampler.resample(frame), *resampler.resample(None)]
    return [packet for block in [*blocks, None] for packet in stream.encode(block)]


def _moment(packet: Packet) -> Fraction:
    timestamp = packet.pts if packet.dts is None else packet.dts
    assert timestamp is not None
    assert packet.time_base is not None
    return timestamp * packet.time_base


def trim(file: Path, begin_s: float, length_s: float) -> Path:
    """Trim an MP4 as phones do, by its edit list, without encoding anything anew.

    Source:
        ISO/IEC 14496-12, 8.6.6
    """
    content = bytearray(file.read_bytes())
    boxes = list(_boxes(content, 0, len(content)))
    (movie_scale,) = [_scale(content, start) for name, start in boxes if name == "mvhd"]
    edits = [start for name, start in boxes if name == "elst"]
    scales = [_scale(content, start) for name, start in boxes if name == "mdhd"]
    for start, scale in zip(edits, scales, strict=True):
        (first,) = struct.unpack(">i", content[start + 12 : start + 16])
        edit = round(length_s * movie_scale), first + round(begin_s * scale)
        content[start + 8 : start + 16] = struct.pack(">Ii", *edit)
    file.write_bytes(content)
    return file


def _scale(content: bytearray, start: int) -> int:
    (scale,) = struct.unpack(">I", content[start + 12 : start + 16])
    return int(scale)


def _boxes(content: bytearray, start: int, end: int) -> list[tuple[str, int]]:
    """Return the name of each box and where its content starts, depth first."""
    boxes: list[tuple[str, int]] = []
    while start + 8 <= end:
        size, name = struct.unpack(">I4s", content[start : start + 8])
        boxes.append((name.decode("latin1"), start + 8))
        if name in (b"moov", b"trak", b"edts", b"mdia"):
            boxes += _boxes(content, start + 8, start + size)
        start += size or end - start
    return boxes
