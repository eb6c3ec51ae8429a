"""How loud a sound is: its peak and its clipping, measured block by block in bounded memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

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
    """Measures a sound as it comes.

    Args:
        sample_rate: in Hz
        channels: how many
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.samples = 0
        self._min, self._max, self._sum = math.inf, -math.inf, 0.0
        self._clipped = 0

    def add(self, block: NDArray[np.floating]) -> None:
        """Measure the next block.

        Args:
            block: in [-1, 1] [shape=(samples, channels)]
        """
        if not len(block):
            return
        self.samples += len(block)
        mono = block.mean(axis=1)
        self._min = min(self._min, float(mono.min()))
        self._max = max(self._max, float(mono.max()))
        self._sum += float(mono.sum())
        self._clipped += int((np.abs(block) >= _FULL_SCALE).sum())

    @property
    def duration_s(self) -> float:
        """The sound's duration in seconds."""
        return self.samples / self.sample_rate

    @property
    def peak_dbfs(self) -> float:
        """The loudest sample of the channels' mean, without its offset; -inf for silence."""
        mean = self._sum / max(1, self.samples)
        offset = dc_offset(mean, max(self._max, -self._min))
        return to_dbfs(max(self._max - offset, offset - self._min))

    @property
    def clipped_ratio(self) -> float:
        """The share of samples at full scale."""
        return self._clipped / max(1, self.samples * self.channels)
