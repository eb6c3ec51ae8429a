"""How loud a sound is: its peak and its clipping, measured block by block in bounded memory."""

import math

import numpy as np

__all__ = ["Level", "dbfs", "offset_of"]

#: the constant part of a sound that is no accident of where it was cut: of full scale, of the peak
_OFFSET = 0.005
_OFFSET_OF_PEAK = 0.1
#: 16 bits hold nothing louder; other sample formats are held to the same
_FULL_SCALE = 1 - 2**-15


def dbfs(amplitude: float) -> float:
    """Decibels below full scale; -inf for nothing."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def offset_of(mean: float, peak: float) -> float:
    """The constant part that a microphone or its converter added to a sound, and nobody hears.

    Args:
        mean: of the samples
        peak: the largest of them, whatever its sign

    Returns:
        0 for a mean that is small, as the mean of any recording is
    """
    return mean if abs(mean) >= min(_OFFSET, _OFFSET_OF_PEAK * peak) else 0.0


class Level:
    """Measures a sound as it comes.

    Args:
        sample_rate: in Hz
        channels: how many
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.samples = 0
        self._low, self._high, self._total = math.inf, -math.inf, 0.0
        self._full = 0

    def take(self, block: np.ndarray) -> None:
        """Measure what comes next.

        Args:
            block: float in [-1, 1] [shape=(samples, channels)]
        """
        if not len(block):
            return
        self.samples += len(block)
        mono = block.mean(axis=1)
        self._low = min(self._low, float(mono.min()))
        self._high = max(self._high, float(mono.max()))
        self._total += float(mono.sum())
        self._full += int((np.abs(block) >= _FULL_SCALE).sum())

    @property
    def duration_s(self) -> float:
        """How long the sound is."""
        return self.samples / self.sample_rate

    @property
    def peak_dbfs(self) -> float:
        """The loudest sample of the channels' mean, its offset left out; -inf for silence."""
        mean = self._total / max(1, self.samples)
        offset = offset_of(mean, max(self._high, -self._low))
        return dbfs(max(self._high - offset, offset - self._low))

    @property
    def clipped(self) -> float:
        """The share of samples at full scale."""
        return self._full / max(1, self.samples * self.channels)
