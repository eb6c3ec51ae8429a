"""Frames of a clip."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MediaError
from .container import name, opened, packets

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Frame", "read_frames"]

LONGEST = 1280  # pixels: larger pictures are scaled down, so that no clip fills the memory


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a clip.

    Args:
        time: seconds from the clip's start
        image: BGR, upright, `[shape=(height, width, 3)]`, uint8
    """

    time: float
    image: np.ndarray


def read_frames(
    source: Path | bytes, count: int, span: tuple[float, float] | None = None
) -> Iterator[Frame]:
    """Frames spread evenly over a clip: those shown at the centres of `count` equal spans.

    The file is read as a stream. Of its pictures only those wanted are converted; the others are
    not even decoded where a key frame stands between, or where no later picture is made from them.

    Args:
        source: a file, or the bytes of one
        count: how many frames, at least 1
        span: the part of the clip to stay in, in seconds from its start; by default the whole,
            and so where no picture is shown in that part

    Yields:
        the frames in order of time; all that there are in a clip of fewer frames than `count`.
        Frames that do not decode are left out, as long as most do. Sides longer than 1280 pixels
        are scaled down to that

    Raises:
        MediaError: `unreadable` (empty, cut short, no video file, or half of the frames do not
            decode), `no-picture`
    """
    called = name(source)
    with opened(source) as container:
        shown, keys = _timeline(container, called)
        wanted = _wanted(_within(shown, span, container) if span else shown, count)
    decoded = 0
    with opened(source) as container:
        for frame in _decode(container, wanted, keys):
            yield frame
            decoded += 1
    if decoded <= len(wanted) / 2:
        raise MediaError(
            "unreadable",
            f"{called} is damaged: {decoded} of {len(wanted)} frames could be decoded",
        )


def _video(container: Any) -> Any:
    """The stream of moving pictures; a sound file's cover does not count."""
    streams = [s for s in container.streams.video if not s.disposition & _cover()]
    return streams[0] if streams else None


def _cover() -> Any:
    from av.stream import Disposition

    return Disposition.attached_pic


def _timeline(container: Any, called: str) -> tuple[list[int], list[int]]:
    """When each picture is shown, and which are key frames, in the stream's own ticks.

    Read off the packets, without decoding: headers may not count frames, or count wrongly.
    """
    stream = _video(container)
    if not container.streams:
        raise MediaError("unreadable", f"{called} is cut short: there is nothing after its header")
    if stream is None:
        raise MediaError("no-picture", f"{called} has no video stream")
    announced = stream.duration
    shown, keys, last = [], [], 0
    for packet in packets(container, stream):
        ticks = packet.dts if packet.pts is None else packet.pts
        if not packet.size or packet.is_discard or ticks is None:
            continue
        if packet.is_corrupt:
            raise MediaError("unreadable", f"{called} is cut short or damaged")
        shown.append(ticks)
        last = max(last, packet.duration or 0)
        if packet.is_keyframe:
            keys.append(ticks)
    shown.sort()
    found = shown[-1] - shown[0] + last if shown else 0
    if announced and found < 0.95 * announced:
        seconds = float(stream.time_base)
        raise MediaError(
            "unreadable",
            f"{called} is cut short: {found * seconds:.2f} s of picture, "
            f"its header says {announced * seconds:.2f} s",
        )
    if not shown:
        raise MediaError("no-picture", f"{called} has a video stream without a single picture")
    return shown, sorted(keys)


def _within(shown: list[int], span: tuple[float, float], container: Any) -> list[int]:
    """The pictures that are shown in a span of seconds; all of them where none is."""
    tick, start = float(_video(container).time_base), _start(container)
    first, last = ((second + start) / tick for second in span)
    return [ticks for ticks in shown if first <= ticks <= last] or shown


def _start(container: Any) -> float:
    """When the clip starts, in seconds of its own clock."""
    return float((container.start_time or 0) / 1_000_000)


def _wanted(shown: list[int], count: int) -> list[int]:
    """The pictures shown at the centres of `count` equal spans of time."""
    if len(shown) <= count:
        return shown
    usual = (shown[-1] - shown[0]) / (len(shown) - 1)
    span = (shown[-1] - shown[0] + usual) / count
    centres = [shown[0] + (index + 0.5) * span for index in range(count)]
    return sorted({shown[max(0, bisect_left(shown, centre + 1e-6) - 1)] for centre in centres})


def _decode(container: Any, wanted: list[int], keys: list[int]) -> Iterator[Frame]:
    """The wanted frames; runs of unwanted ones that end at a key frame are jumped over."""
    from av.video.reformatter import VideoReformatter

    stream = _video(container)
    reformatter = VideoReformatter()  # one for all frames: making it takes time
    start = _start(container)
    ratio = float(stream.sample_aspect_ratio or 1)
    waiting = deque(wanted)
    at: int | None = None
    while waiting:
        key = keys[bisect_right(keys, waiting[0]) - 1] if keys and keys[0] <= waiting[0] else None
        if key is not None and (at is None or key > at):
            container.seek(key, stream=stream)
        for frame in _needed(container, stream, set(waiting)):
            at = frame.dts if frame.pts is None else frame.pts
            if at is None or at < waiting[0]:
                continue
            while waiting and waiting[0] <= at:  # more than one where some did not decode
                waiting.popleft()
            yield Frame(float(at * stream.time_base) - start, _image(frame, ratio, reformatter))
            if not waiting or bisect_right(keys, at) < bisect_right(keys, waiting[0]):
                break
        else:
            return


def _needed(container: Any, stream: Any, wanted: set[int]) -> Iterator[Any]:
    """Every frame from here on that is wanted, or that others are made from."""
    import av

    for packet in packets(container, stream):
        known = packet.pts is not None
        stream.codec_context.skip_frame = (
            "NONREF" if known and packet.pts not in wanted else "DEFAULT"
        )
        frames = []
        with suppress(av.FFmpegError):  # a damaged one is passed over, as players do
            frames = packet.decode()
        yield from frames


def _image(frame: Any, ratio: float, reformatter: Any) -> np.ndarray:
    """The frame in BGR, upright, its longer side at most `LONGEST`.

    Args:
        frame: an `av.VideoFrame`
        ratio: how much wider than high its pixels are shown; those of the image are square
        reformatter: an `av.video.reformatter.VideoReformatter`
    """
    import numpy as np

    scale = min(1.0, LONGEST / max(frame.width * ratio, frame.height))
    width, height = round(frame.width * ratio * scale), round(frame.height * scale)
    image = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()
    turns = round(frame.rotation / 90) % 4  # counter-clockwise, as numpy turns
    return np.ascontiguousarray(np.rot90(image, turns))
