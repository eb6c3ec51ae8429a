"""Parts of a media file, as files of their own.

Sound becomes a WAV file of 32-bit floats, with one channel at the file's own rate: the samples
that avemo reads of the entire file, unchanged. The pictures of a film are encoded anew (H.264, with
hardly a visible loss), because a copy could begin at key frames alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MediaError
from .container import MediaFile, video_stream
from .frames import is_upright, turn_upright
from .scan import Scan, find_streams, read_mono_blocks, start_time

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = ["Part", "cut"]

#: a part may end so much later than its file, because times are rounded
_TOLERANCE_S = 0.1
#: one thread, so that the bytes do not depend on the machine
_H264 = {"preset": "veryfast", "crf": "12", "threads": "1", "x264-params": "mbtree=0"}


@dataclass(frozen=True)
class Part:
    """A part of a file, and where it goes.

    Args:
        start_s: seconds from the file's start
        end_s: seconds from the file's start; None for the file's end
        target: the new file without its suffix
    """

    start_s: float
    end_s: float | None
    target: Path

    def file(self, suffix: str) -> Path:
        """Return the new file."""
        return self.target.with_name(self.target.name + suffix)


def cut(source: Path, parts: Sequence[Part]) -> list[Path | MediaError]:
    """Write the parts of a file, which is read once for its sound and once for its pictures.

    Args:
        source: an audio or video file
        parts: in any order; they may overlap

    Returns:
        for each part the new file, `.wav` or for films `.mkv`; or why there is none:
        `beyond-end` for one that ends later than the file, else as `Clip.sound` and `Clip.frames`
    """
    try:
        with MediaFile(source) as file:
            streams = find_streams(file)
            if not streams.sound and not streams.picture:
                raise MediaError("unreadable", f"{file.label} has neither sound nor picture")
            sound_s = _cut_sound(file, parts) if streams.sound else 0.0
            film_s = _cut_film(file, parts, sound=streams.sound) if streams.picture else 0.0
    except MediaError as error:
        for part in parts:
            _remove(part)
        return [error] * len(parts)
    suffix = ".mkv" if streams.picture else ".wav"
    return [_finish(part, suffix, max(sound_s, film_s)) for part in parts]


def _finish(part: Part, suffix: str, duration_s: float) -> Path | MediaError:
    """Return a part's file; remove one that the source is too short for."""
    end_s = part.start_s if part.end_s is None else part.end_s
    if end_s > duration_s + _TOLERANCE_S or not part.file(suffix).exists():
        _remove(part)
        last = "its end" if part.end_s is None else f"{part.end_s:g} s"
        return MediaError(
            "beyond-end",
            f"from {part.start_s:g} s to {last}, and the file ends after {duration_s:.2f} s",
        )
    return part.file(suffix)


def _remove(part: Part) -> None:
    for suffix in (".wav", ".mkv"):
        part.file(suffix).unlink(missing_ok=True)


def _cut_sound(file: MediaFile, parts: Sequence[Part]) -> float:
    """Write each part's sound, and return the duration of the file's in seconds."""
    import soundfile

    writers: dict[Part, Any] = {}
    with ExitStack() as stack:
        samples = rate = 0
        for rate, block in read_mono_blocks(Scan(file), file):
            for part in parts:
                end = None if part.end_s is None else round(part.end_s * rate) - samples
                if end is not None and end <= 0:
                    if part in writers:
                        writers.pop(part).close()
                    continue
                own = block[max(0, round(part.start_s * rate) - samples) : end]
                if len(own):
                    if part not in writers:
                        path = str(part.file(".wav"))
                        writer = soundfile.SoundFile(path, "w", rate, 1, subtype="FLOAT")
                        writers[part] = stack.enter_context(writer)
                    writers[part].write(own)
            samples += len(block)
    return samples / rate if rate else 0.0


def _cut_film(file: MediaFile, parts: Sequence[Part], *, sound: bool) -> float:
    """Write each part's pictures and add its sound; return when the last picture ends."""
    encoders: dict[Part, _Encoder] = {}
    last_s = 0.0
    with ExitStack() as stack, file.container(rewind=True) as container:
        stream = video_stream(container)
        if stream is None:
            raise MediaError("no-picture", f"{file.label} has no video stream")
        start_s = float(start_time(container))
        frame_s = float(1 / stream.average_rate) if stream.average_rate else 0.0
        for frame in _decode(file, container, stream):
            time_s = frame.time - start_s
            last_s = max(last_s, time_s + frame_s)
            for part in parts:
                if part.end_s is not None and time_s >= part.end_s:
                    if part in encoders:
                        encoders.pop(part).close()
                elif time_s >= part.start_s:
                    if part not in encoders:
                        encoders[part] = _Encoder(part, stream, frame, sound=sound)
                        stack.callback(encoders[part].close)
                    encoders[part].add(frame)
    return last_s


def _decode(
    file: MediaFile, container: InputContainer, stream: VideoStream
) -> Iterator[VideoFrame]:
    """Yield the pictures that decode and have a time, upright."""
    from av.error import InvalidDataError

    for packet in file.demux(container, stream):
        with suppress(InvalidDataError):
            for frame in stream.decode(packet):
                if frame.pts is not None:
                    yield frame if is_upright(frame) else _turn(frame)


def _turn(frame: VideoFrame) -> VideoFrame:
    """Return a frame as players show it, at the same time."""
    import av

    stored = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    image = turn_upright(stored, frame)
    turned = av.VideoFrame.from_ndarray(image, format="bgr24")
    turned.pts, turned.time_base = frame.pts, frame.time_base
    return turned


class _Encoder:
    """Writes the film of a part.

    Args:
        part: with its sound in a WAV file, which the film replaces
        stream: of the source
        first: the first picture
        sound: whether there is such a WAV file
    """

    def __init__(self, part: Part, stream: VideoStream, first: VideoFrame, *, sound: bool) -> None:
        import av

        even = first.width % 2 == first.height % 2 == 0
        self._format = "yuv420p" if even else "yuv444p"  # which halves no side
        self._first_pts = first.pts or 0
        self._time_base = stream.time_base or Fraction(1, 90_000)
        wav = part.file(".wav")
        self._wav = wav if sound and wav.exists() else None
        self._container: OutputContainer | None = av.open(str(part.file(".mkv")), "w")
        self._video = self._container.add_stream(
            "libx264", rate=stream.average_rate, options=dict(_H264)
        )
        self._video.width, self._video.height = first.width, first.height
        self._video.pix_fmt = self._format
        self._video.codec_context.time_base = self._time_base
        if aspect := stream.sample_aspect_ratio:  # of a pixel
            turned = (first.width, first.height) != (stream.width, stream.height)
            self._video.codec_context.sample_aspect_ratio = 1 / aspect if turned else aspect
        self._sound = None
        if self._wav:
            self._samples, self._rate = _read_wav(self._wav)
            self._sound = self._container.add_stream("pcm_f32le", rate=self._rate, layout="mono")

    def add(self, frame: VideoFrame) -> None:
        """Add a picture."""
        picture = frame.reformat(self._video.width, self._video.height, self._format)
        pts = frame.pts or 0
        picture.pts = pts - self._first_pts
        picture.time_base = self._time_base
        if self._container:
            self._container.mux(self._video.encode(picture))
        frame.pts = pts  # `picture` may be the same object, and another part needs the frame, too

    def close(self) -> None:
        """Write what is pending, and the sound; a second time does nothing."""
        if self._container is None:
            return
        import av

        self._container.mux(self._video.encode())
        if self._sound is not None:
            frame = av.AudioFrame.from_ndarray(self._samples[None], format="flt", layout="mono")
            frame.sample_rate, frame.pts = self._rate, 0
            self._container.mux([*self._sound.encode(frame), *self._sound.encode()])
        self._container.close()
        self._container = None
        if self._wav:
            self._wav.unlink()


def _read_wav(file: Path) -> tuple[NDArray[np.float32], int]:
    import soundfile

    samples, rate = soundfile.read(str(file), dtype="float32")
    return samples, rate
