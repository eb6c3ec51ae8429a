"""How a clip's rows over time become the examples that a model is given.

The parameters of a view (length, mean, deviation) are learnt from the training part alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["View", "ViewKind", "fit_view"]

#: sequence: cut or padded to the mean length; averaged: over time; statistics: mean and deviation
#: over time; padded: six rows one after the other, for VGGish six seconds; seconds: each row an
#: example by itself; colour, grey: of pictures over time the middle one
ViewKind = Literal["sequence", "averaged", "statistics", "padded", "seconds", "colour", "grey"]

_PADDED_ROWS = 6
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601's red, green and blue


@dataclass(frozen=True)
class View:
    """Rows over time, standardised, as examples of one shape.

    Args:
        kind: what an example is
        rows: how many a clip is cut about the middle to, or padded to with the mean
        mean: of each column [shape=(columns,)], or of each pixel
        deviation: likewise
    """

    kind: ViewKind
    rows: int
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def apply(
        self, clips: "Sequence[NDArray[np.number]]"
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return the examples [shape=(examples, ...)] and the place of the clip of each."""
        rows = [_select_rows(self.kind, clip) for clip in clips]
        scaled = [((clip - self.mean) / self.deviation).astype(np.float32) for clip in rows]
        places = np.arange(len(clips))
        if self.kind in ("seconds", "colour", "grey"):
            return np.concatenate(scaled), np.repeat(places, [len(clip) for clip in rows])
        if self.kind == "averaged":
            return np.stack([clip.mean(axis=0) for clip in scaled]), places
        if self.kind == "statistics":
            both = [np.concatenate([clip.mean(axis=0), clip.std(axis=0)]) for clip in scaled]
            return np.stack(both), places
        padded = np.stack([self._cut_or_pad(clip) for clip in scaled])
        return (padded.reshape(len(clips), -1) if self.kind == "padded" else padded), places

    def _cut_or_pad(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        start = max(0, (len(clip) - self.rows) // 2)
        part = clip[start : start + self.rows]
        return np.pad(part, ((0, self.rows - len(part)), (0, 0)))


def fit_view(kind: ViewKind, clips: "Sequence[NDArray[np.number]]") -> View:
    """Learn how to make examples.

    Args:
        kind: what an example is
        clips: of the training part [shape=(rows, columns)], each of at least one row; of pictures
            [shape=(rows, side, side, 3)]
    """
    clips = [_select_rows(kind, clip) for clip in clips]
    lengths = [len(clip) for clip in clips]
    mean = sum(clip.sum(axis=0, dtype=np.float64) for clip in clips) / sum(lengths)
    square = sum(((clip - mean) ** 2).sum(axis=0) for clip in clips) / sum(lengths)
    rows = _PADDED_ROWS if kind == "padded" else round(float(np.mean(lengths)))
    deviation = np.maximum(np.sqrt(square), 1e-6)
    return View(kind, rows, np.asarray(mean, np.float32), np.asarray(deviation, np.float32))


def _select_rows(kind: ViewKind, clip: "NDArray[np.number]") -> "NDArray[np.number]":
    """Return the rows of a clip that the view uses: all of them, or the middle picture."""
    if kind not in ("colour", "grey"):
        return clip
    middle = clip[[len(clip) // 2]]
    return middle if kind == "colour" else np.asarray((middle @ _GREY)[..., np.newaxis])
