"""Frames of a clip."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MediaError
from .container import demux_packets, describe_source, open_container, video_stream

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = ["MAX_SIDE_PX", "Frame", "read_frames"]

MAX_SIDE_PX = 1280  # larger pictures are scaled down, so that no clip fills the memory


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a clip.

    Args:
        time_s: seconds from the clip's start
        image: BGR, upright [shape=(height, width, 3)]
    """

    time_s: float
    image: NDArray[np.uint8]


def read_frames(
    source: Path | bytes, count: int, span: tuple[float, float] | None = None
) -> Iterator[Frame]:
    """Yield frames spread evenly over a clip: those shown at the centres of `count` equal spans.

    The file is read as a stream. Only the wanted pictures are converted; others are not even
    decoded if a key frame follows, or if no later picture depends on them.

    Args:
        source: a file, or its content
        count: how many frames, at least 1
        span: the part of the clip to read from, in seconds from its start; by default, and where
            that part shows no picture, the whole clip

    Yields:
        frames in order of time; of a clip with fewer than `count`, all. Frames that do not decode
        are left out, as long as most do. Sides longer than 1280 pixels are scaled down to that

    Raises:
        MediaError: `unreadable` (empty, cut short, no video file, or half of the frames do not
            decode), `no-picture`
    """
    label = describe_source(source)
    with open_container(source) as container:
        stream = _require_video(container, label)
        timestamps, key_timestamps = _read_timestamps(container, stream, label)
        if span:
            timestamps = _restrict_to_span(timestamps, span, container, stream)
        wanted = _select_evenly(timestamps, count)
    decoded = 0
    with open_container(source) as container:
        for frame in _decode_wanted(container, wanted, key_timestamps, label):
            yield frame
            decoded += 1
    if decoded <= len(wanted) / 2:
        raise MediaError(
            "unreadable",
            f"{label} is damaged: {decoded} of {len(wanted)} frames could be decoded",
        )


def _require_video(container: InputContainer, label: str) -> VideoStream:
    if not container.streams:
        raise MediaError("unreadable", f"{label} is cut short: there is nothing after its header")
    stream = video_stream(container)
    if stream is None:
        raise MediaError("no-picture", f"{label} has no video stream")
    return stream


def _read_timestamps(
    container: InputContainer, stream: VideoStream, label: str
) -> tuple[list[int], list[int]]:
    """Return when each picture is shown, and when key frames are, in the stream's time base.

    They are read from the packets, without decoding: headers do not count frames, or wrongly.
    """
    stated_ticks = stream.duration
    timestamps, key_timestamps, last_duration = [], [], 0
    for packet in demux_packets(container, stream):
        timestamp = packet.dts if packet.pts is None else packet.pts
        if not packet.size or packet.is_discard or timestamp is None:
            continue
        if packet.is_corrupt:
            raise MediaError("unreadable", f"{label} is cut short or damaged")
        timestamps.append(timestamp)
        last_duration = max(last_duration, packet.duration or 0)
        if packet.is_keyframe:
            key_timestamps.append(timestamp)
    timestamps.sort()
    ticks = timestamps[-1] - timestamps[0] + last_duration if timestamps else 0
    if stated_ticks and ticks < 0.95 * stated_ticks:
        tick_s = float(_time_base(stream))
        raise MediaError(
            "unreadable",
            f"{label} is cut short: {ticks * tick_s:.2f} s of picture, "
            f"its header says {stated_ticks * tick_s:.2f} s",
        )
    if not timestamps:
        raise MediaError("no-picture", f"{label} has a video stream without a single picture")
    return timestamps, sorted(key_timestamps)


def _restrict_to_span(
    timestamps: list[int],
    span: tuple[float, float],
    container: InputContainer,
    stream: VideoStream,
) -> list[int]:
    """Return the timestamps within a span of seconds; all of them if none is."""
    start_s, tick_s = _start_s(container), float(_time_base(stream))
    first, last = ((second + start_s) / tick_s for second in span)
    return [timestamp for timestamp in timestamps if first <= timestamp <= last] or timestamps


def _time_base(stream: VideoStream) -> Fraction:
    """Return the unit of a stream's timestamps, in seconds."""
    return stream.time_base or Fraction(0)


def _start_s(container: InputContainer) -> float:
    """Return the timestamp of the clip's start, in seconds."""
    return float((container.start_time or 0) / 1_000_000)


def _select_evenly(timestamps: list[int], count: int) -> list[int]:
    """Return the timestamps of the pictures shown at the centres of `count` equal spans."""
    if len(timestamps) <= count:
        return timestamps
    first, last = timestamps[0], timestamps[-1]
    mean_step = (last - first) / (len(timestamps) - 1)
    span = (last - first + mean_step) / count
    centres = [first + (index + 0.5) * span for index in range(count)]
    shown = [max(0, bisect_left(timestamps, centre + 1e-6) - 1) for centre in centres]
    return sorted({timestamps[index] for index in shown})


def _decode_wanted(
    container: InputContainer, wanted: list[int], key_timestamps: list[int], label: str
) -> Iterator[Frame]:
    """Yield the wanted frames; seek past runs of unwanted ones that end at a key frame."""
    from av.video.reformatter import VideoReformatter

    stream = _require_video(container, label)
    reformatter = VideoReformatter()  # one for all frames: it takes time to make
    start_s, time_base = _start_s(container), _time_base(stream)
    pixel_aspect = float(stream.sample_aspect_ratio or 1)
    pending = deque(wanted)
    position: int | None = None
    while pending:
        keys_before = bisect_right(key_timestamps, pending[0])
        if keys_before and (position is None or key_timestamps[keys_before - 1] > position):
            container.seek(key_timestamps[keys_before - 1], stream=stream)
        for frame in _decode_needed(container, stream, set(pending)):
            position = frame.dts if frame.pts is None else frame.pts
            if position is None or position < pending[0]:
                continue
            while pending and pending[0] <= position:  # several if some did not decode
                pending.popleft()
            image = _to_image(frame, pixel_aspect, reformatter)
            yield Frame(float(position * time_base) - start_s, image)
            if not pending:
                return
            if bisect_right(key_timestamps, position) < bisect_right(key_timestamps, pending[0]):
                break
        else:
            return


def _decode_needed(
    container: InputContainer, stream: VideoStream, wanted: set[int]
) -> Iterator[VideoFrame]:
    """Yield every frame from the current position on that is wanted, or that others depend on."""
    import av

    for packet in demux_packets(container, stream):
        skippable = packet.pts is not None and packet.pts not in wanted
        stream.codec_context.skip_frame = "NONREF" if skippable else "DEFAULT"
        frames = []
        with suppress(av.FFmpegError):  # a damaged one is skipped, as players do
            frames = stream.decode(packet)
        yield from frames


def _to_image(
    frame: VideoFrame, pixel_aspect: float, reformatter: VideoReformatter
) -> NDArray[np.uint8]:
    """Return a frame in BGR, upright, with square pixels, its sides at most `MAX_SIDE_PX`.

    Args:
        frame: the decoded frame
        pixel_aspect: the width of its pixels, divided by their height
        reformatter: converts it
    """
    import numpy as np

    scale = min(1.0, MAX_SIDE_PX / max(frame.width * pixel_aspect, frame.height))
    width, height = round(frame.width * pixel_aspect * scale), round(frame.height * scale)
    image = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()
    quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise, as numpy turns
    return np.ascontiguousarray(np.rot90(image, quarter_turns))
