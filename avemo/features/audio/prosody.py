"""How something is said: pitch, loudness, voice quality and timing, over time and in statistics.

What the Geneva set describes a frame by, but for formants, jitter and shimmer.

Source:
    F. Eyben et al.: The Geneva minimalistic acoustic parameter set (GeMAPS) for voice research and
    affective computing. IEEE TAC 7(2) (2016);
    A. de Cheveigné and H. Kawahara: YIN, a fundamental frequency estimator for speech and music.
    JASA 111(4) (2002) (pitch);
    P. Boersma: Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
    ratio of a sampled sound. IFA Proceedings 17 (1993) (harmonicity, voicing)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..arrays import Arrays, Sound
from ..extractor import AudioExtractor, AudioSettings
from .dsp.filters import hann_window, mel_filters
from .dsp.pitch import yin

__all__ = ["COLUMNS", "STATISTICS", "Prosody", "Settings"]

_COEFFICIENTS = tuple(f"mfcc {number}" for number in range(1, 5))
#: of a frame
COLUMNS = (
    "voiced",  # 1 or 0
    "pitch",  # semitones above 27.5 Hz, 0 where it is not voiced
    "loudness",  # dB, 0 in the clip's loudest frame
    "harmonicity",  # dB, the periodic power to the rest
    "alpha ratio",  # dB, the power of 50 to 1000 Hz to that of 1 to 5 kHz
    "hammarberg index",  # dB, the highest peak up to 2 kHz to that of 2 to 5 kHz
    "slope 0-500",  # dB/kHz, of a line through the spectrum
    "slope 500-1500",  # dB/kHz
    "harmonic difference",  # dB, the fundamental to its octave, 0 where it is not voiced
    "centroid",  # kHz
    "flatness",  # dB
    "flux",  # the share of the power that lies in other bands than in the frame before
    *_COEFFICIENTS,
)
_MOMENTS = ("mean", "deviation", "trend", "20 %", "50 %", "80 %", "20-80 %")
_UNVOICED_MOMENTS = 2  # how many of them stand for frames that are not voiced
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
    *(f"{name}, voiced, {moment}" for name in COLUMNS[1:] for moment in _MOMENTS),
    *(
        f"{name}, unvoiced, {moment}"
        for name in COLUMNS[2:]
        for moment in _MOMENTS[:_UNVOICED_MOMENTS]
    ),
    *(f"{name}, {step}" for name in ("pitch", "loudness") for step in _STEPS),
    *_TIMING,
)

_WINDOW = 1024  # samples; four periods of a voice of 65 Hz
_SIZE = 1536  # of the transform: the window, and the longest period of 20 ms
_BANDS = 26
_TINY = np.float32(1e-30)
_FLOOR = np.float32(1e-9)  # share of a frame's power that counts as none

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Settings(AudioSettings):
    """`extractors.prosody` in params.yaml."""

    sample_rate: Literal[16000]
    hop_ms: Annotated[float, Field(gt=0, le=20)]
    low_hz: Annotated[float, Field(ge=50)]
    high_hz: Annotated[float, Field(le=1000)]
    voiced_db: Annotated[float, Field(gt=0)]
    periodic: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _check_range(self) -> Settings:
        if not self.low_hz < self.high_hz:
            raise ValueError(f"low_hz {self.low_hz:g} < high_hz {self.high_hz:g} is expected")
        return self


class Prosody(AudioExtractor[Settings]):
    """Pitch, loudness, voice quality and timing."""

    settings_class = Settings
    version = 2
    dtypes: ClassVar = {"prosody": "float32", "prosody_stats": "float32"}

    def extract(self, sound: Sound) -> Arrays:
        """Return the prosody of a clip. Its level makes no difference.

        A frame is audible where it is at most `voiced_db` softer than the loudest one. It is voiced
        where, besides, the share `periodic` of its power repeats itself after one period: a hiss is
        as loud as a vowel, and a room's hum as periodic.

        Args:
            sound: float32 mono [shape=(samples,)] at 16 kHz

        Returns:
            `prosody`: float32 [shape=(frames, len(COLUMNS))];
            `prosody_stats`: float32 [shape=(1, len(STATISTICS))], from the first audible frame to
            the last; 0 where there is no frame to describe
        """
        frames = _describe_frames(sound, self.settings)
        stats = _statistics(frames, self.settings)
        return {"prosody": frames, "prosody_stats": stats[None].astype(np.float32)}


def _describe_frames(sound: Sound, settings: Settings) -> Floats:
    """Return `COLUMNS` of each frame of a clip [shape=(frames, len(COLUMNS))].

    Ten seconds are transformed at a time, so that memory does not grow with the clip.
    """
    from scipy.fft import dct
    from scipy.ndimage import median_filter

    hop = round(settings.hop_ms * settings.sample_rate / 1000)
    padded = np.pad(sound / max(np.abs(sound).max(), _TINY), _WINDOW // 2)
    count, step = 1 + len(sound) // hop, 10 * settings.sample_rate // hop
    blocks = []
    for start in range(0, count, step):
        samples = (min(step, count - start) - 1) * hop + _WINDOW
        blocks.append(_describe_block(padded[start * hop :][:samples], hop, settings))
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}

    periodic, bands = columns["periodic"], columns["bands"]
    columns["loudness"] -= columns["loudness"].max()
    audible = columns["loudness"] >= -settings.voiced_db
    voiced = (audible & (periodic >= settings.periodic)).astype(np.float32)
    columns["voiced"] = median_filter(voiced, 3)
    for name in ("pitch", "harmonic difference"):
        columns[name] *= columns["voiced"]
    columns["harmonicity"] = 10 * np.log10(periodic / (1 - periodic))
    columns["flux"] = np.abs(np.diff(bands, axis=0, prepend=bands[:1])).sum(axis=1) / 2
    cepstrum = dct(np.log(bands + 1e-6), norm="ortho")
    columns |= {name: cepstrum[:, number] for number, name in enumerate(_COEFFICIENTS, 1)}
    return np.stack([columns[name] for name in COLUMNS], axis=1).astype(np.float32)


def _describe_block(sound: Sound, hop: int, settings: Settings) -> dict[str, Floats]:
    """Return what depends on a frame alone: some of `COLUMNS`, and what others are computed from.

    Returns:
        besides those, `periodic`, the share of the power that repeats itself after one period, and
        `bands`, each mel band's share of the power [shape=(frames, bands)]
    """
    from scipy.fft import irfft, rfft

    rate = settings.sample_rate
    taper, window_autocorrelation, filters, hz = _tables(rate)
    frames = sliding_window_view(sound, _WINDOW)[::hop]
    pitch = yin(frames, rate, settings.low_hz, settings.high_hz)
    spectrum = rfft(frames * taper, _SIZE)
    power = spectrum.real**2 + spectrum.imag**2
    power[:, hz < 50] = 0  # hum and wind, no voice
    total = power.sum(axis=1)
    share = power / np.maximum(total, _TINY)[:, None]
    decibels = _db(share)

    autocorrelation = irfft(share, _SIZE)[:, : len(window_autocorrelation)]
    autocorrelation /= window_autocorrelation
    autocorrelation /= np.maximum(autocorrelation[:, :1], _TINY)
    first, second = (_peak_near(share, pitch * harmonic / hz[1]) for harmonic in (1, 2))
    bands = share @ filters

    def bins(low: float, high: float) -> NDArray[np.bool_]:
        return (hz >= low) & (hz < high)

    def slope(low: float, high: float) -> Floats:
        x = hz[bins(low, high)] / 1000
        x = x - x.mean()
        return np.asarray(decibels[:, bins(low, high)] @ x / (x @ x))

    voice = bins(50, 5000)
    return {
        "pitch": 12 * np.log2(pitch / 27.5),
        "loudness": 10 * np.log10(total + 1e-4),
        "periodic": np.clip(_peak_near(autocorrelation, rate / pitch), 1e-3, 1 - 1e-4),
        "alpha ratio": _db(share[:, bins(50, 1000)].sum(axis=1))
        - _db(share[:, bins(1000, 5000)].sum(axis=1)),
        "hammarberg index": decibels[:, bins(50, 2000)].max(axis=1)
        - decibels[:, bins(2000, 5000)].max(axis=1),
        "slope 0-500": slope(50, 500),
        "slope 500-1500": slope(500, 1500),
        "harmonic difference": _db(first) - _db(second),
        "centroid": share @ hz / 1000,
        "flatness": decibels[:, voice].mean(axis=1) - _db(share[:, voice].mean(axis=1)),
        "bands": bands / np.maximum(bands.sum(axis=1, keepdims=True), _TINY),
    }


def _db(share: Floats) -> Floats:
    return np.asarray(10 * np.log10(share + _FLOOR))


def _peak_near(rows: Floats, positions: Doubles) -> Floats:
    """Return the highest of the three values around a position in each row [shape=(rows,)]."""
    columns = np.rint(positions).astype(int)[:, None] + np.array([-1, 0, 1])
    nearby = np.take_along_axis(rows, columns.clip(0, rows.shape[1] - 1), axis=1)
    return np.asarray(nearby.max(axis=1))


@lru_cache(maxsize=1)
def _tables(rate: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return Hann's window, its autocorrelation, mel filters [shape=(bins, bands)], bins in Hz."""
    from scipy.fft import irfft, rfft

    taper = hann_window(_WINDOW).astype(np.float32)
    autocorrelation = irfft(np.abs(rfft(taper, _SIZE)) ** 2, _SIZE)[: _SIZE - _WINDOW]
    bank = mel_filters(rate, _SIZE, _BANDS, low_hz=50)
    hz = (np.arange(_SIZE // 2 + 1) * rate / _SIZE).astype(np.float32)
    return taper, autocorrelation / autocorrelation[0], np.ascontiguousarray(bank.T), hz


def _statistics(frames: Floats, settings: Settings) -> Doubles:
    """Return `STATISTICS` of a clip [shape=(len(STATISTICS),)]."""
    pitch, loudness = COLUMNS.index("pitch"), COLUMNS.index("loudness")
    hop_s = settings.hop_ms / 1000
    audible = np.flatnonzero(frames[:, loudness] >= -settings.voiced_db)
    values = frames[audible[0] : audible[-1] + 1].astype(np.float64)
    voiced = values[:, 0] > 0
    seconds = hop_s * np.arange(len(values), dtype=np.float64)
    steps = np.diff(values, axis=0) / hop_s
    return np.concatenate(
        [
            _moments(values[voiced, 1:], seconds[voiced]).T.ravel(),
            _moments(values[~voiced, 2:], seconds[~voiced])[:_UNVOICED_MOMENTS].T.ravel(),
            _rise_and_fall(steps[voiced[1:] & voiced[:-1], pitch]),
            _rise_and_fall(steps[:, loudness]),
            _timing(voiced, hop_s),
        ]
    )


def _moments(values: Doubles, seconds: Doubles) -> Doubles:
    """Return `_MOMENTS` of each column [shape=(len(_MOMENTS), columns)]."""
    if not len(values):
        return np.zeros((len(_MOMENTS), values.shape[1]))
    low, middle, high = np.percentile(values, (20, 50, 80), axis=0)
    centred = seconds - seconds.mean()
    trend = centred @ values / max(centred @ centred, _TINY)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    return np.stack([mean, deviation, trend, low, middle, high, high - low])


def _rise_and_fall(steps: Doubles) -> Doubles:
    """Return `_STEPS`: of the steps that rise, and of those that fall [shape=(len(_STEPS),)]."""
    return np.concatenate([_mean_deviation(steps[steps > 0]), _mean_deviation(steps[steps < 0])])


def _timing(voiced: NDArray[np.bool_], hop_s: float) -> Doubles:
    """Return `_TIMING`: of voiced segments, and of those between them [shape=(len(_TIMING),)]."""
    starts = np.flatnonzero(np.diff(voiced, prepend=~voiced[:1]))
    lengths = np.diff(starts, append=len(voiced)) * hop_s
    duration = len(voiced) * hop_s
    voiced_lengths, unvoiced_lengths = lengths[voiced[starts]], lengths[~voiced[starts]]
    rates = [duration, voiced.mean(), len(voiced_lengths) / duration]
    return np.concatenate(
        [rates, _mean_deviation(voiced_lengths), _mean_deviation(unvoiced_lengths)]
    )


def _mean_deviation(values: Doubles) -> Doubles:
    return np.array([values.mean(), values.std()]) if len(values) else np.zeros(2)
