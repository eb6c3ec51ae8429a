"""Frames of a clip."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import MediaError
from .container import MediaFile, truncation_error, video_stream
from .scan import Pictures, Scan

if TYPE_CHECKING:
    import numpy as np
    from av import Packet
    from av.container import InputContainer
    from av.sidedata.sidedata import SideDataContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

__all__ = [
    "MAX_SIDE_PX",
    "Frame",
    "decode_frames",
    "is_upright",
    "read_frames",
    "read_pictures",
    "to_image",
    "turn_upright",
]

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
    """Yield frames spread evenly over a clip, see `decode_frames`.

    Args:
        source: a file, or its content
        count: how many frames, at least 1
        span: the part of the clip to read from, in seconds from its start

    Raises:
        MediaError: `unreadable`, `no-picture`
    """
    with MediaFile(source) as file:
        yield from decode_frames(file, read_pictures(file), count, span)


def read_pictures(file: MediaFile) -> Pictures:
    """Return what the packets of a file's video stream say; nothing is decoded.

    Raises:
        MediaError: `unreadable` (no media file, or there is nothing after its header), `no-picture`
    """
    with file.container() as container:
        if not container.streams:
            raise MediaError(
                "unreadable", f"{file.label} is cut short: there is nothing after its header"
            )
    scan = Scan(file, sound=False)
    for _ in scan:
        pass
    if scan.pictures is None:
        raise MediaError("no-picture", f"{file.label} has no video stream")
    return scan.pictures


def decode_frames(
    file: MediaFile, pictures: Pictures, count: int, span: tuple[float, float] | None = None
) -> Iterator[Frame]:
    """Yield frames spread evenly over a clip: those shown at the centres of `count` equal spans.

    Only the wanted pictures are converted; others are not even decoded if a key frame follows, or
    if no later picture depends on them.

    Args:
        file: an open file
        pictures: the file's, as a `Scan` finds them
        count: how many frames, at least 1
        span: the part of the clip to read from, in seconds from its start; by default, and where
            that part shows no picture, the whole clip

    Yields:
        frames in order of time; of a clip with fewer than `count`, all. Frames that do not decode
        are left out, as long as most do. Sides longer than 1280 pixels are scaled down to that

    Raises:
        MediaError: `unreadable` (cut short, or half of the frames do not decode), `no-picture`
    """
    _check_complete(pictures, file)
    timestamps = _restrict_to_span(pictures, span) if span else pictures.timestamps
    wanted = _select_evenly(timestamps, count)
    pending = deque(wanted)
    decoded = 0
    try:
        seeks = pictures.seekable
        begins = bool(seeks and bisect_right(pictures.key_timestamps, wanted[0]))
        with file.container(rewind=not begins or file.has_decoded_pictures) as container:
            for frame in _decode_wanted(file, container, pending, pictures, seeks=seeks):
                yield frame
                decoded += 1
    except _SeekMissed:
        with file.container(rewind=True) as container:
            for frame in _decode_wanted(file, container, pending, pictures, seeks=False):
                yield frame
                decoded += 1
    if decoded <= len(wanted) / 2:
        raise MediaError(
            "unreadable",
            f"{file.label} is damaged: {decoded} of {len(wanted)} frames could be decoded",
        )


def _check_complete(pictures: Pictures, file: MediaFile) -> None:
    """Refuse a video stream that is cut short, damaged or empty."""
    if pictures.loss:
        raise truncation_error(file, pictures.loss)
    if pictures.corrupt:
        raise MediaError("unreadable", f"{file.label} is cut short or damaged")
    if not pictures.timestamps:
        label = file.label
        raise MediaError("no-picture", f"{label} has a video stream without a single picture")


def _restrict_to_span(pictures: Pictures, span: tuple[float, float]) -> list[int]:
    """Return the timestamps within a span of seconds; all of them if none is."""
    tick_s = float(pictures.time_base)
    first, last = ((second + pictures.start_s) / tick_s for second in span)
    timestamps = pictures.timestamps
    return [timestamp for timestamp in timestamps if first <= timestamp <= last] or timestamps


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


class _SeekMissed(Exception):
    """A seek ended behind the picture that was wanted: the container has no index to seek by."""


def _decode_wanted(
    file: MediaFile,
    container: InputContainer,
    pending: deque[int],
    pictures: Pictures,
    *,
    seeks: bool,
) -> Iterator[Frame]:
    """Yield the wanted frames.

    Args:
        file: an open file
        container: its reader
        pending: the wanted timestamps; those that are passed are taken out
        pictures: the file's
        seeks: seek past runs of unwanted pictures that end at a key frame

    Raises:
        _SeekMissed: what is left in `pending` must be read from the file's start
    """
    from av.video.reformatter import VideoReformatter

    stream = video_stream(container)
    if stream is None or not stream.codec_context:
        raise MediaError("unreadable", f"{file.label} has a picture that FFmpeg has no decoder for")
    key_timestamps = pictures.key_timestamps if seeks else []
    reformatter = VideoReformatter()  # one for all frames: it takes time to make
    pixel_aspect = float(stream.sample_aspect_ratio or 1)
    position: int | None = None
    while pending:
        keys_before = bisect_right(key_timestamps, pending[0])
        sought = False
        if keys_before and (position is None or key_timestamps[keys_before - 1] > position):
            container.seek(key_timestamps[keys_before - 1], stream=stream)
            sought = True
        for frame in _decode_needed(file.demux(container, stream), stream, set(pending)):
            position = frame.dts if frame.pts is None else frame.pts
            if sought and position is not None and position > pending[0]:
                raise _SeekMissed
            sought = False
            if position is None or position < pending[0]:
                continue
            while pending and pending[0] <= position:  # several if some did not decode
                pending.popleft()
            image = to_image(frame, pixel_aspect, reformatter)
            yield Frame(float(position * pictures.time_base) - pictures.start_s, image)
            if not pending:
                return
            if bisect_right(key_timestamps, position) < bisect_right(key_timestamps, pending[0]):
                break
        else:
            if sought:
                raise _SeekMissed
            return


def _decode_needed(
    packets: Iterator[Packet[Stream]], stream: VideoStream, wanted: set[int]
) -> Iterator[VideoFrame]:
    """Yield every frame from the current position on that is wanted, or that others depend on."""
    import av

    for packet in packets:
        skippable = packet.pts is not None and packet.pts not in wanted
        stream.codec_context.skip_frame = "NONREF" if skippable else "DEFAULT"
        frames = []
        with suppress(av.FFmpegError):  # a damaged one is skipped, as players do
            frames = stream.decode(packet)
        yield from frames


def to_image(
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
    stored = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()
    return turn_upright(np.asarray(stored, np.uint8), frame)


def turn_upright(image: NDArray[np.uint8], frame: VideoFrame) -> NDArray[np.uint8]:
    """Return an image of a frame as players show it: mirrored and turned [shape=(h, w, 3)]."""
    import numpy as np

    mirrored, quarter_turns = _orientation(frame)
    if mirrored:
        image = image[:, ::-1]
    return np.ascontiguousarray(np.rot90(image, quarter_turns))


def is_upright(frame: VideoFrame) -> bool:
    """Return whether players show a frame as it is stored."""
    return _orientation(frame) == (False, 0)


def _orientation(frame: VideoFrame) -> tuple[bool, int]:
    """Return how players show a picture: whether mirrored, then turned by how many quarters.

    Turns are counter-clockwise, as numpy's. FFmpeg's own reading of the display matrix leaves the
    mirror out.

    Source:
        ISO/IEC 14496-12, 6.2.2: a point (x, y) is shown at (a x + c y, b x + d y)
    """
    import numpy as np
    from av.sidedata.sidedata import Type

    side_data = cast("SideDataContainer", frame.side_data)
    if Type.DISPLAYMATRIX not in side_data:
        return False, 0
    content = bytes(side_data[Type.DISPLAYMATRIX])
    a, b, _, c, d, *_ = np.frombuffer(content, np.int32, 9).astype(float)
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return bool(mirrored), round(-np.arctan2(b, a) / (np.pi / 2)) % 4
