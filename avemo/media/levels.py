"""How loud a sound is: its peak and its clipping, measured block by block in bounded memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .channels import select_channel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LevelMeter", "dc_offset", "to_dbfs"]

#: a mean this large is an offset, and no accident of where the sound was cut: of full scale
_MIN_OFFSET = 0.005
#: the same, of the sound's peak
_MIN_OFFSET_OF_PEAK = 0.1
#: 16 bits hold nothing louder; other sample formats are measured by the same limit
_FULL_SCALE = 1 - 2**-15


def to_dbfs(amplitude: float) -> float:
    """Return an amplitude in decibels relative to full scale; -inf for 0."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def dc_offset(mean: float, peak: float) -> float:
    """Return the constant that a microphone or its converter added to a sound, and nobody hears.

    Args:
        mean: of the samples
        peak: the largest of them, whatever its sign

    Returns:
        0 for a small mean, which every recording has
    """
    return mean if abs(mean) >= min(_MIN_OFFSET, _MIN_OFFSET_OF_PEAK * peak) else 0.0


class LevelMeter:
    """Measures a sound as it comes: the mean of its channels, and each of them.

    Args:
        sample_rate: in Hz
        channels: how many

    Attributes:
        is_settled: `channel` does not change any more
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.samples = 0
        columns = 1 if channels == 1 else channels + 1  # the mean first
        self._min, self._max = np.full(columns, np.inf), np.full(columns, -np.inf)
        self._sum, self._squares = np.zeros(columns), np.zeros(columns)
        self._clipped = 0
        self._selected: int | None = None
        self.is_settled = channels == 1

    def add(self, block: NDArray[np.float32]) -> None:
        """Measure the next block.

        Args:
            block: in [-1, 1] [shape=(samples, channels)]
        """
        if not len(block):
            return
        self.samples += len(block)
        self._clipped += int((np.abs(block) >= _FULL_SCALE).sum())
        if self.channels > 1:
            block = np.concatenate([block.mean(axis=1, keepdims=True), block], axis=1)
        self._min = np.minimum(self._min, block.min(axis=0))
        self._max = np.maximum(self._max, block.max(axis=0))
        self._sum += block.sum(axis=0, dtype=np.float64)
        self._squares += np.einsum("ij,ij->j", block, block, dtype=np.float64)

    @property
    def channel(self) -> int | None:
        """The channel to take, see `select_channel`, by what was measured so far."""
        if self.is_settled or not self.samples:
            return self._selected
        powers = self._squares / self.samples - (self._sum / self.samples) ** 2
        return select_channel(float(powers[0]), powers[1:])

    def settle(self) -> None:
        """Keep the channel that is taken so far, whatever comes."""
        self._selected, self.is_settled = self.channel, True

    @property
    def duration_s(self) -> float:
        """The sound's duration in seconds."""
        return self.samples / self.sample_rate

    @property
    def peak_dbfs(self) -> float:
        """The loudest sample of what is heard, without its offset; -inf for silence."""
        column = 0 if self.channel is None else self.channel + 1
        low, high = float(self._min[column]), float(self._max[column])
        offset = dc_offset(float(self._sum[column]) / max(1, self.samples), max(high, -low))
        return to_dbfs(max(high - offset, offset - low))

    @property
    def clipped_ratio(self) -> float:
        """The share of samples at full scale."""
        return self._clipped / max(1, self.samples * self.channels)
