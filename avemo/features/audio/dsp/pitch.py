"""The fundamental frequency of a voice.

Source:
    A. de Cheveigné and H. Kawahara: YIN, a fundamental frequency estimator for speech and music.
    JASA 111(4) (2002)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["yin"]

#: a period is taken where the normalised difference falls below this
_THRESHOLD = 0.1

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def yin(frames: Floats, rate: int, low_hz: float, high_hz: float) -> Doubles:
    """Return the pitch of each frame, as librosa does.

    Args:
        frames: float32 [shape=(frames, samples)]
        rate: in Hz
        low_hz: the lowest pitch; a frame must be longer than its period
        high_hz: the highest

    Returns:
        in Hz, also of a frame without a voice [shape=(frames,)]
    """
    shortest = int(np.floor(rate / high_hz))
    longest = min(int(np.ceil(rate / low_hz)), frames.shape[1] - 1)
    difference = _normalised_difference(frames, shortest, longest)
    before, centre, after = difference[:, :-2], difference[:, 1:-1], difference[:, 2:]

    dip = np.empty(difference.shape, bool)
    dip[:, 0] = difference[:, 0] < difference[:, 1]
    dip[:, 1:-1] = (centre < before) & (centre <= after)
    dip[:, -1] = difference[:, -1] < difference[:, -2]
    dip &= difference < _THRESHOLD
    period = np.where(dip.any(axis=1), dip.argmax(axis=1), difference.argmin(axis=1))

    # the minimum of a parabola through three neighbours
    curvature = after + before - 2 * centre
    slope = (after - before) / 2
    shifts = np.zeros_like(difference)
    np.divide(-slope, curvature, out=shifts[:, 1:-1], where=np.abs(slope) < np.abs(curvature))
    shift = np.take_along_axis(shifts, period[:, None], axis=1)[:, 0]
    return np.asarray(rate / (shortest + period + shift))


def _normalised_difference(frames: Floats, shortest: int, longest: int) -> Doubles:
    """Return each frame's difference from itself, so many samples later, over the mean of those.

    Returns:
        [shape=(frames, longest - shortest + 1)]
    """
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(2 * frames.shape[1] - 1, real=True)
    spectrum = rfft(frames, size)
    correlation = irfft(spectrum.real**2 + spectrum.imag**2, size)[:, : longest + 1]
    energy = np.cumsum(np.square(frames[:, :longest]), axis=1)
    difference = 2 * (correlation[:, :1] - correlation[:, 1:]) - energy
    mean = np.cumsum(difference, axis=1) / np.arange(1, longest + 1)
    tiny = np.finfo(mean.dtype).tiny
    return np.asarray(difference[:, shortest - 1 :] / (mean[:, shortest - 1 :] + tiny))
