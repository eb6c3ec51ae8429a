"""A sound as it would be at another speed, in another voice, and in a noisy room."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from .librosa_import import librosa

__all__ = ["at_pitch", "at_speed", "in_noisy_room"]

Array = np.ndarray[Any, Any]

#: of the frames that a voice's phases and its levels are followed in
_PITCH_MS, _LEVEL_MS = 64, 20
#: of the room's response, to that of the sound that comes straight from the mouth
_TAIL_POWER = 0.25
#: a room's sound is gone when it is so far down, in dB
_GONE = 60.0


def at_speed(sound: Array, speed: float) -> Array:
    """Played so many times as fast: duration and pitch change together.

    Args:
        sound: float32 mono [shape=(samples,)]
        speed: 1 leaves it as it is

    Returns:
        float32 [shape=(samples / speed,)]
    """
    import soxr

    changed: Array = soxr.resample(sound, speed, 1)
    return changed


def at_pitch(sound: Array, rate: int, semitones: float) -> Array:
    """So much higher, or lower where it is negative, and as long.

    Args:
        sound: float32 mono [shape=(samples,)]
        rate: in Hz
        semitones: 12 double every frequency

    Returns:
        float32 [shape=(samples,)]
    """
    size = rate * _PITCH_MS // 1000
    padded = np.pad(sound, (0, max(0, size - len(sound))))
    changed: Array = librosa().effects.pitch_shift(padded, sr=rate, n_steps=semitones, n_fft=size)
    return changed[: len(sound)]


def in_noisy_room(
    sound: Array, rate: int, *, snr_db: float, reverberation_s: float, voiced_db: float
) -> Array:
    """With the echo of a room and pink noise, drawn by what the sound holds: always the same.

    The room's response is noise that fades; what comes straight from the mouth stands before it.

    Args:
        sound: float32 mono [shape=(samples,)]
        rate: in Hz
        snr_db: the level of the sound over its voiced frames, to that of the noise
        reverberation_s: after which the room's response is 60 dB down
        voiced_db: a frame is voiced where it is at most so far below the loudest

    Returns:
        float32 [shape=(samples,)]
    """
    from scipy.signal import fftconvolve

    seed = hashlib.sha256(sound.tobytes()).digest()
    rng = np.random.default_rng(int.from_bytes(seed))
    response = _response(rng, round(reverberation_s * rate))
    heard = fftconvolve(sound, response)[: len(sound)]
    power = _voiced_power(sound, rate * _LEVEL_MS // 1000, voiced_db) / 10 ** (snr_db / 10)
    noisy: Array = heard + np.sqrt(power) * _pink(rng, len(sound))
    return noisy.astype(np.float32)


def _response(rng: np.random.Generator, samples: int) -> Array:
    """What a room makes of a click: itself, then its echo [shape=(1 + samples,)]."""
    fading = 10 ** (-_GONE / 20 * np.linspace(0, 1, samples))
    tail = rng.standard_normal(samples) * fading
    tail *= np.sqrt(_TAIL_POWER / np.square(tail).sum())
    response: Array = np.concatenate([[1.0], tail])
    return response


def _pink(rng: np.random.Generator, samples: int) -> Array:
    """Noise of a mean power of one, as much in each octave [shape=(samples,)]."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(max(2, samples), real=True)
    spectrum = rfft(rng.standard_normal(size))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    spectrum[0] = 0
    noise: Array = irfft(spectrum, size)[:samples]
    noise /= np.sqrt(np.square(noise).mean())
    return noise


def _voiced_power(sound: Array, size: int, voiced_db: float) -> float:
    """The mean of the voiced frames, each of so many samples."""
    padded = np.pad(sound, (0, -len(sound) % size)).reshape(-1, size)
    powers = np.square(padded).mean(axis=1)
    return float(powers[powers >= powers.max() / 10 ** (voiced_db / 10)].mean())
