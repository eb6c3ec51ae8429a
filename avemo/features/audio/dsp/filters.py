"""Windows and mel filters, to the last bit as librosa computes them.

Source:
    M. Slaney: Auditory toolbox. Technical report 1998-010, Interval Research (1998) (mel scale)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["hann_window", "mel_filters"]

#: the mel scale is linear up to this frequency, logarithmic above it
_LINEAR_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3
_LINEAR_MEL = _LINEAR_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0

Doubles = NDArray[np.float64]


def hann_window(size: int) -> Doubles:
    """Return Hann's window, periodic [shape=(size,)]."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))


def mel_filters(
    rate: int, size: int, bands: int, low_hz: float = 0.0, high_hz: float | None = None
) -> NDArray[np.float32]:
    """Return triangles over frequency, each of area one [shape=(bands, 1 + size // 2)].

    Args:
        rate: in Hz
        size: of the transform, in samples
        bands: how many
        low_hz: where the first band begins
        high_hz: where the last band ends; by default half the rate
    """
    mels = np.linspace(_hz_to_mel(low_hz), _hz_to_mel(high_hz or rate / 2), bands + 2)
    edges_hz = _mels_to_hz(mels)
    ramps = np.subtract.outer(edges_hz, np.fft.rfftfreq(size, 1 / rate))
    widths_hz = np.diff(edges_hz)[:, None]
    rising, falling = -ramps[:-2] / widths_hz[:-1], ramps[2:] / widths_hz[1:]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    filters *= (2 / (edges_hz[2:] - edges_hz[:-2]))[:, None]
    return np.asarray(filters)


def _hz_to_mel(hz: float) -> float:
    if hz < _LINEAR_HZ:
        return hz / _HZ_PER_MEL
    return float(_LINEAR_MEL + np.log(hz / _LINEAR_HZ) / _LOG_STEP)


def _mels_to_hz(mels: Doubles) -> Doubles:
    logarithmic = _LINEAR_HZ * np.exp(_LOG_STEP * (mels - _LINEAR_MEL))
    return np.where(mels >= _LINEAR_MEL, logarithmic, _HZ_PER_MEL * mels)
