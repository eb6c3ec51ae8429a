"""Preprocessing: features of any length to the one shape that a network takes.

The parameters (length, mean, deviation) are fitted on the training part and stored with the model,
so that a clip at inference goes through the same steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ImagePreprocessor", "Preprocessor", "SequencePreprocessor", "fit", "from_dict"]


@dataclass(frozen=True)
class SequencePreprocessor:
    """Rows over time: standardised, cropped about the middle or padded with the mean.

    Args:
        frames: how many rows the network takes
        mean: of each column [shape=(columns,)]
        deviation: standard deviation of each column [shape=(columns,)]
    """

    frames: int
    mean: list[float]
    deviation: list[float]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one preprocessed clip."""
        return (self.frames, len(self.mean))

    def apply(self, clips: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
        """Return the network's input [shape=(clips, frames, columns)]."""
        mean, deviation = np.array(self.mean, "f"), np.array(self.deviation, "f")
        inputs = np.zeros((len(clips), *self.shape), np.float32)
        for row, clip in zip(inputs, clips, strict=True):
            start = max(0, (len(clip) - self.frames) // 2)
            middle = clip[start : start + self.frames]
            row[: len(middle)] = (middle - mean) / deviation
        return inputs

    @property
    def empty(self) -> NDArray[np.float32]:
        """The feature of a clip that lacks it [shape=(0, columns)]."""
        return np.zeros((0, len(self.mean)), np.float32)

    @classmethod
    def unscaled(cls, columns: int) -> "SequencePreprocessor":
        """Return the preprocessor that leaves one row a clip as it is."""
        return cls(1, [0.0] * columns, [1.0] * columns)


@dataclass(frozen=True)
class ImagePreprocessor:
    """Images over time: as many as the network takes, spread evenly over the clip's.

    Args:
        count: how many images the network takes
        size: of one image (height, width, channels)
    """

    count: int
    size: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one preprocessed clip."""
        return (self.count, *self.size)

    def apply(self, clips: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Return the network's input [shape=(clips, count, height, width, channels)].

        A clip without images becomes black.
        """
        black = np.zeros((1, *self.size), np.uint8)
        clips = [clip if len(clip) else black for clip in clips]
        indices = [np.arange(self.count) * len(clip) // self.count for clip in clips]
        return np.stack([clip[index] for clip, index in zip(clips, indices, strict=True)])

    @property
    def empty(self) -> NDArray[np.uint8]:
        """The feature of a clip that lacks it [shape=(0, height, width, channels)]."""
        return np.zeros((0, *self.size), np.uint8)


Preprocessor = SequencePreprocessor | ImagePreprocessor


def fit(clips: Sequence[NDArray[Any]]) -> Preprocessor:
    """Return the preprocessor of one feature.

    Args:
        clips: of the training part; images have four axes

    Returns:
        for rows over time, long enough for nine clips in ten
    """
    if clips[0].ndim == 4:
        return ImagePreprocessor(max(len(clip) for clip in clips), clips[0].shape[1:])
    lengths = [len(clip) for clip in clips]
    # clip by clip: all rows at once would take gigabytes
    mean = sum(clip.sum(axis=0, dtype=np.float64) for clip in clips) / sum(lengths)
    variance = sum(((clip - mean) ** 2).sum(axis=0) for clip in clips) / sum(lengths)
    deviation = np.maximum(np.sqrt(variance), 1e-6)
    frames = int(np.ceil(np.quantile(lengths, 0.9)))
    return SequencePreprocessor(frames, np.asarray(mean).tolist(), deviation.tolist())


def from_dict(fields: Mapping[str, Any]) -> Preprocessor:
    """Return the preprocessor with these fields; reverses `dataclasses.asdict`."""
    if "size" in fields:
        return ImagePreprocessor(fields["count"], tuple(fields["size"]))
    return SequencePreprocessor(**fields)
