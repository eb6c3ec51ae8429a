"""How loud a sound is: peak, clipping and loudness, measured block by block in bounded memory.

Loudness is integrated over the whole sound: K-weighted, gated, in LUFS.

Source:
    Recommendation ITU-R BS.1770-4: Algorithms to measure audio programme loudness and true-peak
    audio level (2015). The filters for sample rates other than 48 kHz follow from the analogue
    ones that its coefficients stand for.
"""

import math

import numpy as np

__all__ = ["Level", "dbfs", "offset_of"]

#: the constant part of a sound that is no accident of where it was cut: of full scale, of the peak
_OFFSET = 0.005
_OFFSET_OF_PEAK = 0.1
#: 16 bits hold nothing louder; other sample formats are held to the same
_FULL_SCALE = 1 - 2**-15
#: of surround sound; of mono and stereo each channel counts fully
_WEIGHTS = {5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41)}
#: below it the weighting's shelf is out of reach
_LOWEST_RATE = 4000
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
#: blocks are counted in bins, so that an hour takes no more memory than a second
_BINS_A_LU = 100
_LOUDEST = 30


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
        channels: how many; both channels of a stereo sound count, so that a mono recording as two
            equal channels is 3 LU louder
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.samples = 0
        self._low, self._high, self._total = math.inf, -math.inf, 0.0
        self._full = 0
        self._gate = _Gate()
        self._step = max(1, round(sample_rate / 10))
        self._weights = np.array(_WEIGHTS.get(channels, (1,) * channels), float)
        self._filter = _k_weighting(max(sample_rate, _LOWEST_RATE))
        self._state = np.zeros((len(self._filter), 2, channels))
        self._rest = np.empty(0)

    def take(self, block: np.ndarray) -> None:
        """Measure what comes next.

        Args:
            block: float in [-1, 1] [shape=(samples, channels)]
        """
        from scipy.signal import sosfilt

        if not len(block):
            return
        self.samples += len(block)
        mono = block.mean(axis=1)
        self._low = min(self._low, float(mono.min()))
        self._high = max(self._high, float(mono.max()))
        self._total += float(mono.sum())
        self._full += int((np.abs(block) >= _FULL_SCALE).sum())
        weighted, self._state = sosfilt(self._filter, block, axis=0, zi=self._state)
        power = np.concatenate([self._rest, np.square(weighted) @ self._weights])
        whole = len(power) // self._step * self._step
        self._gate.take(power[:whole].reshape(-1, self._step).mean(axis=1))
        self._rest = power[whole:]

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

    @property
    def lufs(self) -> float | None:
        """The integrated loudness.

        -inf where the gate lets nothing through, as for silence; None for less than one block of
        0.4 s, and below 4 kHz, where the weighting is not defined.
        """
        return self._gate.lufs if self.sample_rate >= _LOWEST_RATE else None


class _Gate:
    """Blocks of 0.4 s, one each 0.1 s: those of the right loudness make the whole's."""

    def __init__(self) -> None:
        bins = round((_LOUDEST - _ABSOLUTE_GATE) * _BINS_A_LU)
        self._counts = np.zeros(bins)
        self._powers = np.zeros(bins)
        self._steps = np.empty(0)
        self._blocks = 0

    def take(self, steps: np.ndarray) -> None:
        """Count what the powers of the next steps of 0.1 s make complete."""
        steps = np.concatenate([self._steps, steps])
        self._steps = steps[-3:]
        if len(steps) < 4:
            return
        blocks = np.lib.stride_tricks.sliding_window_view(steps, 4).mean(axis=1)
        self._blocks += len(blocks)
        blocks = blocks[blocks > _power(_ABSOLUTE_GATE)]
        place = np.minimum(_bin(_lufs(blocks)), len(self._counts) - 1)
        np.add.at(self._counts, place, 1)
        np.add.at(self._powers, place, blocks)

    @property
    def lufs(self) -> float | None:
        if not self._blocks:
            return None
        if not self._counts.any():
            return -math.inf
        gate = _lufs(self._powers.sum() / self._counts.sum()) + _RELATIVE_GATE
        loud = slice(min(max(0, int(_bin(gate))), len(self._counts) - 1), None)
        return float(_lufs(self._powers[loud].sum() / self._counts[loud].sum()))


def _lufs(power: np.ndarray) -> np.ndarray:
    return np.asarray(-0.691 + 10 * np.log10(power))


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _bin(lufs: np.ndarray) -> np.ndarray:
    return np.floor((lufs - _ABSOLUTE_GATE) * _BINS_A_LU).astype(int)


def _k_weighting(sample_rate: int) -> np.ndarray:
    """The head's shelf, then the high-pass, as second-order sections [shape=(2, 6)]."""
    k, q = math.tan(math.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / scale,
        2 * (k * k - high) / scale,
        (high - band * k / q + k * k) / scale,
        1,
        2 * (k * k - 1) / scale,
        (1 - k / q + k * k) / scale,
    ]
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    scale = 1 + k / q + k * k
    high_pass = [1, -2, 1, 1, 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale]
    return np.array([shelf, high_pass])
