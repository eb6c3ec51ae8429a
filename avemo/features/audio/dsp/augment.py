"""Augmentation of sound: another speed, another pitch, reverberation and noise."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from ...arrays import Sound
from .librosa_import import import_librosa

__all__ = ["add_reverb_and_noise", "change_speed", "shift_pitch"]

#: length of the frames of the phase vocoder, and of those that levels are measured in
_PITCH_MS, _LEVEL_MS = 64, 20
#: power of the reverberation, relative to that of the direct sound
_TAIL_POWER = 0.25
#: decay at the end of the reverberation time, by its definition
_DECAY_DB = 60.0


def change_speed(sound: Sound, speed: float) -> Sound:
    """Play a sound faster or slower: duration and pitch change together.

    Args:
        sound: float32 mono [shape=(samples,)]
        speed: above 1 is faster; 1 changes nothing

    Returns:
        float32 [shape=(samples / speed,)]
    """
    import soxr

    changed: Sound = soxr.resample(sound, speed, 1)
    return changed


def shift_pitch(sound: Sound, rate: int, semitones: float) -> Sound:
    """Raise the pitch of a sound, or lower it; the duration stays.

    Args:
        sound: float32 mono [shape=(samples,)]
        rate: in Hz
        semitones: 12 double every frequency; negative lowers it

    Returns:
        float32 [shape=(samples,)]
    """
    size = rate * _PITCH_MS // 1000
    padded = np.pad(sound, (0, max(0, size - len(sound))))
    changed: Sound = import_librosa().effects.pitch_shift(
        padded, sr=rate, n_steps=semitones, n_fft=size
    )
    return changed[: len(sound)]


def add_reverb_and_noise(
    sound: Sound, rate: int, *, snr_db: float, reverberation_s: float, voiced_db: float
) -> Sound:
    """Add a room's reverberation and pink noise to a sound.

    The sound itself seeds both, so that they are the same each time. The room's impulse response is
    the direct sound, then noise that decays.

    Args:
        sound: float32 mono [shape=(samples,)]
        rate: in Hz
        snr_db: level of the sound over its voiced frames, relative to that of the noise
        reverberation_s: time after which the room's response has decayed by 60 dB
        voiced_db: a frame is voiced where its level is at most so far below the loudest frame's

    Returns:
        float32 [shape=(samples,)]
    """
    from scipy.signal import fftconvolve

    seed = hashlib.sha256(sound.tobytes()).digest()
    rng = np.random.default_rng(int.from_bytes(seed))
    response = _impulse_response(rng, round(reverberation_s * rate))
    reverberant = fftconvolve(sound, response)[: len(sound)]
    power = _voiced_power(sound, rate * _LEVEL_MS // 1000, voiced_db) / 10 ** (snr_db / 10)
    noisy = reverberant + np.sqrt(power) * _pink_noise(rng, len(sound))
    return np.asarray(noisy, np.float32)


def _impulse_response(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Return a room's response to an impulse [shape=(1 + samples,)]."""
    decay = 10 ** (-_DECAY_DB / 20 * np.linspace(0, 1, samples))
    tail = rng.standard_normal(samples) * decay
    tail *= np.sqrt(_TAIL_POWER / np.square(tail).sum())
    return np.concatenate([[1.0], tail])


def _pink_noise(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Return noise of a mean power of 1, the same in each octave [shape=(samples,)]."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(max(2, samples), real=True)
    spectrum = rfft(rng.standard_normal(size))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    spectrum[0] = 0
    noise: NDArray[np.float64] = irfft(spectrum, size)[:samples]
    noise /= np.sqrt(np.square(noise).mean())
    return noise


def _voiced_power(sound: Sound, size: int, voiced_db: float) -> float:
    """Return the mean power of the voiced frames, each of `size` samples."""
    padded = np.pad(sound, (0, -len(sound) % size)).reshape(-1, size)
    powers = np.square(padded).mean(axis=1)
    return float(powers[powers >= powers.max() / 10 ** (voiced_db / 10)].mean())
