"""How something is said: pitch, loudness, voice quality and timing, over time and in statistics.

What the Geneva set describes a frame by, but for formants, jitter and shimmer.

Source:
    F. Eyben et al.: The Geneva minimalistic acoustic parameter set (GeMAPS) for voice research and
    affective computing. IEEE TAC 7(2) (2016);
    A. de Cheveigné and H. Kawahara: YIN, a fundamental frequency estimator for speech and music.
    JASA 111(4) (2002), as in librosa (pitch);
    P. Boersma: Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
    ratio of a sampled sound. IFA Proceedings 17 (1993) (harmonicity, voicing)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field, model_validator

from ...schema import Strict
from .dsp.librosa_import import librosa

__all__ = ["ARRAYS", "COLUMNS", "MODALITY", "STATISTICS", "VERSION", "Settings", "extract"]

#: raised when the same sound and settings give other figures than before
VERSION = 1
MODALITY = "audio"
ARRAYS = {"prosody": "float32", "prosody_stats": "float32"}

_COEFFICIENTS = tuple(f"mfcc {place}" for place in range(1, 5))
#: of a frame
COLUMNS = (
    "voiced",  # 1 or 0
    "pitch",  # semitones above 27.5 Hz, 0 where it is not voiced
    "loudness",  # dB, 0 in the clip's loudest frame
    "harmonicity",  # dB, the power that repeats itself to the rest
    "alpha ratio",  # dB, the power of 50 to 1000 Hz to that of 1 to 5 kHz
    "hammarberg index",  # dB, the highest peak up to 2 kHz to that of 2 to 5 kHz
    "slope 0-500",  # dB/kHz, of a line through the spectrum
    "slope 500-1500",  # dB/kHz
    "harmonic difference",  # dB, the fundamental to its octave, 0 where it is not voiced
    "centroid",  # kHz
    "flatness",  # dB
    "flux",  # the share of the power that lies elsewhere than in the frame before
    *_COEFFICIENTS,
)
_MOMENTS = ("mean", "deviation", "trend", "20 %", "50 %", "80 %", "20-80 %")
_FEW = 2  # of them, for frames that are not voiced
_STEPS = ("rising mean", "rising deviation", "falling mean", "falling deviation")
_TIMING = (
    "duration",
    "voiced share",
    "voiced segments per second",
    "voiced length mean",
    "voiced length deviation",
    "unvoiced length mean",
    "unvoiced length deviation",
)
#: of a clip; trends and steps are of a second, times in seconds
STATISTICS = (
    *(f"{name}, voiced, {one}" for name in COLUMNS[1:] for one in _MOMENTS),
    *(f"{name}, unvoiced, {one}" for name in COLUMNS[2:] for one in _MOMENTS[:_FEW]),
    *(f"{name}, {one}" for name in ("pitch", "loudness") for one in _STEPS),
    *_TIMING,
)

_WINDOW = 1024  # samples; four periods of a voice of 65 Hz
_SIZE = 1536  # of the transform: room for the longest period, 20 ms, behind the window
_BANDS = 26
_TINY = np.float32(1e-30)
_FLOOR = np.float32(1e-9)  # share of a frame's power that counts as none

Array = np.ndarray[Any, Any]


class Settings(Strict):
    """`extractors.prosody` in params.yaml."""

    sample_rate: Literal[16000]
    hop_ms: Annotated[float, Field(gt=0, le=20)]
    low_hz: Annotated[float, Field(ge=50)]
    high_hz: Annotated[float, Field(le=1000)]
    voiced_db: Annotated[float, Field(gt=0)]
    periodic: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        if not self.low_hz < self.high_hz:
            raise ValueError(f"low_hz {self.low_hz:g} < high_hz {self.high_hz:g} is expected")
        return self


def extract(sound: Array, settings: Settings) -> dict[str, Array]:
    """Prosody of a whole clip. Its level makes no difference.

    A frame is heard where it is at most `voiced_db` softer than the loudest one, and voiced where,
    besides, the share `periodic` of its power repeats itself after one period: a hiss is as loud as
    a vowel, and a room's hum as periodic.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz
        settings: see params.yaml

    Returns:
        `prosody`: float32 [shape=(frames, len(COLUMNS))];
        `prosody_stats`: float32 [shape=(1, len(STATISTICS))], from the first frame that is heard to
        the last; 0 for that of which there is none
    """
    frames = _frames(sound, settings)
    stats = _statistics(frames, settings)
    return {"prosody": frames, "prosody_stats": stats[None].astype(np.float32)}


def _frames(sound: Array, settings: Settings) -> Array:
    """Of a clip [shape=(frames, len(COLUMNS))].

    Ten seconds are transformed at a time, so that memory does not grow with the clip.
    """
    from scipy.fft import dct
    from scipy.ndimage import median_filter

    hop = round(settings.hop_ms * settings.sample_rate / 1000)
    padded = np.pad(sound / max(np.abs(sound).max(), _TINY), _WINDOW // 2)
    count, step = 1 + len(sound) // hop, 10 * settings.sample_rate // hop
    parts = []
    for start in range(0, count, step):
        samples = (min(step, count - start) - 1) * hop + _WINDOW
        parts.append(_described(padded[start * hop :][:samples], hop, settings))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    repeating, bands = found["repeating"], found["bands"]
    found["loudness"] -= found["loudness"].max()
    heard = found["loudness"] >= -settings.voiced_db
    voiced = (heard & (repeating >= settings.periodic)).astype(np.float32)
    found["voiced"] = median_filter(voiced, 3)
    for name in ("pitch", "harmonic difference"):
        found[name] *= found["voiced"]
    found["harmonicity"] = 10 * np.log10(repeating / (1 - repeating))
    found["flux"] = np.abs(np.diff(bands, axis=0, prepend=bands[:1])).sum(axis=1) / 2
    cepstrum = dct(np.log(bands + 1e-6), norm="ortho")
    found |= {name: cepstrum[:, place] for place, name in enumerate(_COEFFICIENTS, 1)}
    return np.stack([found[name] for name in COLUMNS], axis=1).astype(np.float32)


def _described(sound: Array, hop: int, settings: Settings) -> dict[str, Array]:
    """What a frame has by itself: some of `COLUMNS`, and what others are made from.

    Returns:
        besides those, `repeating`, the share of the power that does so after one period, and
        `bands`, each mel band's share of the power [shape=(frames, bands)]
    """
    from scipy.fft import irfft, rfft

    rate = settings.sample_rate
    taper, own, filters, hz = _tables(rate)
    low, high = settings.low_hz, settings.high_hz
    pitch = librosa().yin(
        sound, fmin=low, fmax=high, sr=rate, frame_length=_WINDOW, hop_length=hop, center=False
    )
    spectrum = rfft(sliding_window_view(sound, _WINDOW)[::hop] * taper, _SIZE)
    power = spectrum.real**2 + spectrum.imag**2
    power[:, hz < 50] = 0  # hum and wind, no voice
    total = power.sum(axis=1)
    share = power / np.maximum(total, _TINY)[:, None]
    decibels = _db(share)

    again = irfft(share, _SIZE)[:, : len(own)] / own
    again /= np.maximum(again[:, :1], _TINY)
    first, second = (_highest(share, pitch * harmonic / hz[1]) for harmonic in (1, 2))
    bands = share @ filters

    def inside(low: float, high: float) -> Array:
        return (hz >= low) & (hz < high)

    def slope(low: float, high: float) -> Array:
        x = hz[inside(low, high)] / 1000
        x = x - x.mean()
        found: Array = decibels[:, inside(low, high)] @ x / (x @ x)
        return found

    voice = inside(50, 5000)
    return {
        "pitch": 12 * np.log2(pitch / 27.5),
        "loudness": 10 * np.log10(total + 1e-4),
        "repeating": np.clip(_highest(again, rate / pitch), 1e-3, 1 - 1e-4),
        "alpha ratio": _db(share[:, inside(50, 1000)].sum(axis=1))
        - _db(share[:, inside(1000, 5000)].sum(axis=1)),
        "hammarberg index": decibels[:, inside(50, 2000)].max(axis=1)
        - decibels[:, inside(2000, 5000)].max(axis=1),
        "slope 0-500": slope(50, 500),
        "slope 500-1500": slope(500, 1500),
        "harmonic difference": _db(first) - _db(second),
        "centroid": share @ hz / 1000,
        "flatness": decibels[:, voice].mean(axis=1) - _db(share[:, voice].mean(axis=1)),
        "bands": bands / np.maximum(bands.sum(axis=1, keepdims=True), _TINY),
    }


def _db(share: Array) -> Array:
    found: Array = 10 * np.log10(share + _FLOOR)
    return found


def _highest(rows: Array, places: Array) -> Array:
    """Of each row the highest of the three values about its place."""
    columns = np.rint(places).astype(int)[:, None] + np.array([-1, 0, 1])
    found: Array = np.take_along_axis(rows, columns.clip(0, rows.shape[1] - 1), axis=1).max(axis=1)
    return found


@lru_cache(maxsize=1)
def _tables(rate: int) -> tuple[Array, Array, Array, Array]:
    """Hann's window, its autocorrelation, mel filters [shape=(bins, bands)], and each bin's Hz."""
    from scipy.fft import irfft, rfft

    taper = librosa().filters.get_window("hann", _WINDOW).astype(np.float32)
    own = irfft(np.abs(rfft(taper, _SIZE)) ** 2, _SIZE)[: _SIZE - _WINDOW]
    bank = librosa().filters.mel(sr=rate, n_fft=_SIZE, n_mels=_BANDS, fmin=50)
    hz = (np.arange(_SIZE // 2 + 1) * rate / _SIZE).astype(np.float32)
    return taper, own / own[0], np.ascontiguousarray(bank.T), hz


def _statistics(frames: Array, settings: Settings) -> Array:
    """Of a clip [shape=(len(STATISTICS),)]."""
    pitch, loudness = COLUMNS.index("pitch"), COLUMNS.index("loudness")
    hop_s = settings.hop_ms / 1000
    heard = np.flatnonzero(frames[:, loudness] >= -settings.voiced_db)
    frames = frames[heard[0] : heard[-1] + 1].astype(np.float64)
    voiced = frames[:, 0] > 0
    seconds = np.arange(len(frames)) * hop_s
    steps = np.diff(frames, axis=0) / hop_s
    return np.concatenate(
        [
            _moments(frames[voiced, 1:], seconds[voiced]).T.ravel(),
            _moments(frames[~voiced, 2:], seconds[~voiced])[:_FEW].T.ravel(),
            _up_and_down(steps[voiced[1:] & voiced[:-1], pitch]),
            _up_and_down(steps[:, loudness]),
            _timing(voiced, hop_s),
        ]
    )


def _moments(values: Array, seconds: Array) -> Array:
    """Of each column [shape=(len(_MOMENTS), columns)]."""
    if not len(values):
        return np.zeros((len(_MOMENTS), values.shape[1]))
    low, middle, high = np.percentile(values, (20, 50, 80), axis=0)
    away = seconds - seconds.mean()
    trend = away @ values / max(away @ away, _TINY)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    return np.stack([mean, deviation, trend, low, middle, high, high - low])


def _up_and_down(steps: Array) -> Array:
    """Of what rises, and of what falls [shape=(len(_STEPS),)]."""
    return np.concatenate([_mean_deviation(steps[steps > 0]), _mean_deviation(steps[steps < 0])])


def _timing(voiced: Array, hop_s: float) -> Array:
    """Of the segments that are voiced, and of those between them [shape=(len(_TIMING),)]."""
    starts = np.flatnonzero(np.diff(voiced, prepend=~voiced[:1]))
    lengths = np.diff(starts, append=len(voiced)) * hop_s
    duration = len(voiced) * hop_s
    spoken, other = lengths[voiced[starts]], lengths[~voiced[starts]]
    rates = [duration, voiced.mean(), len(spoken) / duration]
    return np.concatenate([rates, _mean_deviation(spoken), _mean_deviation(other)])


def _mean_deviation(values: Array) -> Array:
    return np.array([values.mean(), values.std()]) if len(values) else np.zeros(2)
