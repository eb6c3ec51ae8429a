"""From features of any length to the one shape that a network takes.

What it takes to do so (length, mean, deviation) is learnt from the training part and kept with the
model, so that a clip at serving time goes through the very same steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Frames", "Images", "Preparation", "fit", "restore"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Frames:
    """Rows over time: standardised, cut about the middle or filled up with the mean.

    Args:
        frames: how many rows the network takes
        mean: of each column [shape=(columns,)]
        deviation: of each column [shape=(columns,)]
    """

    frames: int
    mean: list[float]
    deviation: list[float]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one clip."""
        return (self.frames, len(self.mean))

    def apply(self, clips: Sequence[Array]) -> Array:
        """Float32 [shape=(clips, frames, columns)]."""
        mean, deviation = np.array(self.mean, "f"), np.array(self.deviation, "f")
        out = np.zeros((len(clips), *self.shape), np.float32)
        for row, clip in zip(out, clips, strict=True):
            start = max(0, (len(clip) - self.frames) // 2)
            part = clip[start : start + self.frames]
            row[: len(part)] = (part - mean) / deviation
        return out

    @property
    def nothing(self) -> Array:
        """Of a clip that has none."""
        return np.zeros((0, len(self.mean)), np.float32)


@dataclass(frozen=True)
class Images:
    """Pictures over time: as many as the network takes, spread over those there are.

    Args:
        count: how many pictures the network takes
        size: of one picture (height, width, channels)
    """

    count: int
    size: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one clip."""
        return (self.count, *self.size)

    def apply(self, clips: Sequence[Array]) -> Array:
        """Uint8 [shape=(clips, count, height, width, channels)]; black for a clip without any."""
        black = np.zeros((1, *self.size), np.uint8)
        clips = [clip if len(clip) else black for clip in clips]
        picks = [np.arange(self.count) * len(clip) // self.count for clip in clips]
        return np.stack([clip[pick] for clip, pick in zip(clips, picks, strict=True)])

    @property
    def nothing(self) -> Array:
        """Of a clip that has none."""
        return np.zeros((0, *self.size), np.uint8)


Preparation = Frames | Images


def fit(clips: Sequence[Array]) -> Preparation:
    """Learn how to prepare one feature.

    Args:
        clips: of the training part; pictures are told by their four axes

    Returns:
        for rows over time: long enough for nine clips in ten
    """
    if clips[0].ndim == 4:
        return Images(max(len(clip) for clip in clips), clips[0].shape[1:])
    lengths = [len(clip) for clip in clips]
    # clip by clip: all rows at once would take gigabytes
    mean = sum(clip.sum(axis=0, dtype=np.float64) for clip in clips) / sum(lengths)
    squares = sum(((clip - mean) ** 2).sum(axis=0) for clip in clips) / sum(lengths)
    deviation = np.maximum(np.sqrt(squares), 1e-6)
    frames = int(np.ceil(np.quantile(lengths, 0.9)))
    return Frames(frames, np.asarray(mean).tolist(), deviation.tolist())


def restore(fields: dict[str, Any]) -> Preparation:
    """The reverse of `dataclasses.asdict`."""
    if "size" in fields:
        return Images(fields["count"], tuple(fields["size"]))
    return Frames(**fields)
