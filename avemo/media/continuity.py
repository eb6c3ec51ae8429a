"""Blocks of sound on the clip's clock: gaps become silence, and what overlaps is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

__all__ = ["Continuity", "TimedBlock"]

#: time stamps of neighbouring packets may be rounded by as much, without a gap between them
_TOLERANCE_S = Fraction(1, 50)
#: a longer gap in the sound is not filled with silence: a damaged time stamp looks like that
_MAX_GAP_S = 3600


@dataclass(frozen=True, eq=False)
class TimedBlock:
    """A block of sound.

    Args:
        start: when it is heard, in seconds from the clip's start
        sample_rate: in Hz
        samples: [shape=(samples, channels)]
    """

    start: Fraction
    sample_rate: int
    samples: NDArray[np.float32]

    @property
    def end(self) -> Fraction:
        """When the next sample would be heard, in seconds."""
        return self.start + Fraction(len(self.samples), self.sample_rate)


class Continuity:
    """Places the blocks of a stream by their presentation time stamps.

    A time stamp that does not continue the sound counts only if the next block continues from it: a
    single one is damage.

    Args:
        zero: time stamp of the clip's start, in seconds
    """

    def __init__(self, zero: Fraction) -> None:
        self._zero = zero
        self._end: Fraction | None = None
        self._pending: TimedBlock | None = None  # its time stamp is in doubt

    def place(self, frame: AudioFrame, samples: NDArray[np.float32]) -> Iterator[TimedBlock]:
        """Yield the samples of a frame, and the silence before them.

        Args:
            frame: the decoded frame
            samples: its samples [shape=(samples, channels)]
        """
        block = TimedBlock(self._start_of(frame), frame.sample_rate, samples)
        if self._pending:
            pending, self._pending = self._pending, None
            confirmed = abs(block.start - pending.end) <= _TOLERANCE_S
            yield from self._jump(pending) if confirmed else self._continue(pending)
        if self._end is None or abs(block.start - self._end) <= _TOLERANCE_S:
            yield from self._continue(block)
        else:
            self._pending = block

    def finish(self) -> Iterator[TimedBlock]:
        """Yield what waits for a next block."""
        if self._pending:
            yield from self._continue(self._pending)
            self._pending = None

    def _continue(self, block: TimedBlock) -> Iterator[TimedBlock]:
        """Yield a block directly after the one before."""
        start = block.start if self._end is None else self._end
        if len(block.samples):
            block = TimedBlock(start, block.sample_rate, block.samples)
            self._end = block.end
            yield block

    def _jump(self, block: TimedBlock) -> Iterator[TimedBlock]:
        """Yield a block at its own time, after silence, or without what is heard already."""
        assert self._end is not None
        rate, samples = block.sample_rate, block.samples
        if block.start < self._end:
            overlap = round((self._end - block.start) * rate)
            yield from self._continue(TimedBlock(self._end, rate, samples[overlap:]))
            return
        gap = block.start - self._end
        missing = round(gap * rate) if gap < _MAX_GAP_S else 0
        for first in range(0, missing, rate):  # a second at a time, so that memory stays flat
            silence = np.zeros((min(rate, missing - first), *samples.shape[1:]), np.float32)
            yield from self._continue(TimedBlock(self._end, rate, silence))
        yield from self._continue(block)

    def _start_of(self, frame: AudioFrame) -> Fraction:
        if frame.pts is None or frame.time_base is None:
            pending = self._pending.end if self._pending else None
            return pending or self._end or Fraction(0)
        time = frame.pts * frame.time_base
        if self._end is None and self._pending is None:  # a header may state a later start
            self._zero = min(self._zero, time)
        return time - self._zero
