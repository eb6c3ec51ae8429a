from collections.abc import Callable

import numpy as np
import pytest
from helpers.sounds import voice
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from avemo.features.arrays import Sound
from avemo.features.audio import prosody

RATE = 16000
FIELDS = {"sample_rate": RATE, "hop_ms": 10.0, "low_hz": 65.0, "high_hz": 800.0,
          "voiced_db": 35.0, "periodic": 0.5}  # fmt: skip
PROSODY = prosody.Prosody(prosody.Settings.model_validate(FIELDS))


def times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE


def tone(hz: float, seconds: float = 1.0, tilt: float = 1.0) -> Sound:
    """Harmonics up to 5 kHz, each weaker by its number to the power of `tilt`."""
    count = max(1, int(5000 // hz))
    waves = [np.sin(2 * np.pi * k * hz * times(seconds)) / k**tilt for k in range(1, count + 1)]
    total: NDArray[np.float64] = np.sum(waves, axis=0)
    return (0.1 * total).astype("f")


def noise(seconds: float = 1.0, seed: int = 0) -> Sound:
    draw = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (0.1 * draw).astype("f")


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE), "f")


def frames(sound: Sound) -> dict[str, Sound]:
    features = PROSODY.extract(sound)["prosody"]
    return dict(zip(prosody.COLUMNS, features.T, strict=True))


def stats(sound: Sound) -> dict[str, np.float32]:
    (features,) = PROSODY.extract(sound)["prosody_stats"]
    return dict(zip(prosody.STATISTICS, features, strict=True))


def semitones(hz: float) -> float:
    return 12 * float(np.log2(hz / 27.5))


@pytest.mark.parametrize("hz", [80, 120, 200, 440, 700])
@pytest.mark.parametrize("tilt", [0.5, 1.0, 2.0])
def test_the_pitch_of_a_tone(hz: float, tilt: float) -> None:
    features = frames(tone(hz, tilt=tilt))
    inside = slice(5, -5)
    assert features["voiced"][inside].all()
    np.testing.assert_allclose(27.5 * 2 ** (features["pitch"][inside] / 12), hz, rtol=0.02)


def test_a_glide_rises() -> None:
    rising = np.sin(2 * np.pi * (150 + 75 * times(1)) * times(1)).astype("f")  # 150 to 300 Hz
    features = stats(rising)
    slope = semitones(300) - semitones(150)
    assert features["pitch, voiced, trend"] == pytest.approx(slope, rel=0.05)
    assert features["pitch, rising mean"] == pytest.approx(slope, rel=0.05)
    assert stats(rising[::-1])["pitch, voiced, trend"] == pytest.approx(-slope, rel=0.05)


def test_noise_is_not_voiced() -> None:
    features = stats(noise())
    assert features["voiced share"] == 0
    assert features["pitch, voiced, mean"] == 0
    assert features["unvoiced length mean"] == pytest.approx(features["duration"])


def test_a_soft_hum_is_not_voiced() -> None:
    features = frames(np.concatenate([tone(200), 0.003 * tone(200)]))
    assert features["voiced"][5:95].all()
    assert not features["voiced"][110:].any()


def test_harmonicity_is_that_of_the_mixture() -> None:
    hum, hiss = tone(200), noise()
    for wanted in (0, 10, 20):
        hiss *= np.sqrt(np.mean(hum**2) / np.mean(hiss**2)) / 10 ** (wanted / 20)
        features = np.median(frames(hum + hiss)["harmonicity"])
        assert features == pytest.approx(wanted, abs=1)


def test_segments_are_counted_and_measured() -> None:
    vowels, hiss = [tone(200, 0.3), tone(200, 0.5)], noise(0.2)
    features = stats(
        np.concatenate([silence(0.5), hiss, vowels[0], hiss, vowels[1], hiss, silence(0.7)])
    )
    assert features["duration"] == pytest.approx(1.4, abs=0.06)
    assert features["voiced share"] == pytest.approx(0.8 / 1.4, abs=0.05)
    assert features["voiced segments per second"] == pytest.approx(2 / 1.4, rel=0.05)
    assert features["voiced length mean"] == pytest.approx(0.4, abs=0.03)
    assert features["voiced length deviation"] == pytest.approx(0.1, abs=0.02)
    assert features["unvoiced length mean"] == pytest.approx(0.2, abs=0.03)


def test_loudness_is_of_the_loudest() -> None:
    features = frames(np.concatenate([tone(200), 0.1 * tone(200)]))["loudness"]
    assert features.max() == 0
    assert features[50] == pytest.approx(0, abs=0.5)
    assert features[150] == pytest.approx(-20, abs=0.5)


def test_a_darker_sound_is_steeper() -> None:
    bright, dark = frames(tone(100, tilt=0.5)), frames(tone(100, tilt=2.0))
    for name in ("alpha ratio", "hammarberg index", "harmonic difference"):
        assert np.median(dark[name]) > np.median(bright[name]) + 3
    for name in ("slope 500-1500", "centroid"):
        assert np.median(dark[name]) < np.median(bright[name])


def test_flatness_and_flux() -> None:
    hiss, hum = frames(noise()), frames(tone(200))
    assert np.median(hiss["flatness"]) > np.median(hum["flatness"]) + 10
    turning = frames(np.concatenate([tone(100, 0.5), noise(0.5)]))["flux"]
    assert 45 <= turning[5:-5].argmax() + 5 <= 55
    assert np.median(hum["flux"]) < 0.02


def test_level_makes_no_difference() -> None:
    sound = np.concatenate([voice(RATE), noise()]).astype("f")
    loud, soft = (PROSODY.extract(one) for one in (sound, sound * np.float32(0.2512)))
    for name in prosody.Prosody.dtypes:
        np.testing.assert_allclose(loud[name], soft[name], rtol=1e-3, atol=0.01)


def test_silence_around_a_clip_changes_no_statistic() -> None:
    sound = tone(200)
    around = np.concatenate([silence(0.5), sound, silence(1)])
    near, far = stats(sound), stats(around)
    assert far["duration"] == pytest.approx(near["duration"], abs=0.08)
    assert far["pitch, voiced, mean"] == pytest.approx(near["pitch, voiced, mean"], abs=0.05)


def test_ten_seconds_are_no_border() -> None:
    tenth = noise(0.1)
    features = PROSODY.extract(np.tile(tenth, 105))["prosody"][10:-10]
    np.testing.assert_allclose(features[10:], features[:-10], atol=0.02)


@pytest.mark.parametrize("samples", [1, 100, 4800, 30000])
def test_shape(samples: int) -> None:
    features = PROSODY.extract(noise(2)[:samples])
    assert {name: array.dtype for name, array in features.items()} == prosody.Prosody.dtypes
    assert features["prosody"].shape == (1 + samples // 160, len(prosody.COLUMNS))
    assert features["prosody_stats"].shape == (1, len(prosody.STATISTICS))


@st.composite
def clips(draw: st.DrawFn) -> Sound:
    """Parts of tones, noise, clicks, constants and nothing, of any level; 0.3 s or more."""
    kinds: dict[str, Callable[[float], NDArray[np.floating]]] = {
        "tone": lambda seconds: tone(draw(st.floats(20, 7900)), seconds),
        "sine": lambda seconds: np.sin(2 * np.pi * draw(st.floats(1, 7999)) * times(seconds)),
        "noise": noise,
        "click": lambda seconds: np.eye(1, round(seconds * RATE), 7)[0],
        "constant": lambda seconds: np.ones(round(seconds * RATE)),
        "silence": silence,
    }
    drawn_kinds = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=3))
    parts = [
        kinds[kind](draw(st.floats(0.3, 0.5))) * 10 ** draw(st.floats(-5, 0.5))
        for kind in drawn_kinds
    ]
    return np.concatenate(parts).astype("f")


@given(clips())
def test_all_is_finite_for_any_sound(sound: Sound) -> None:
    for array in PROSODY.extract(sound).values():
        assert np.isfinite(array).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low_hz": 800.0}, "low_hz 800 < high_hz 800 is expected"),
        ({"low_hz": 40.0}, "greater than or equal to 50"),
        ({"sample_rate": 44100}, "16000"),
        ({"periodic": 1.0}, "less than 1"),
    ],
)
def test_wrong_settings(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        prosody.Settings.model_validate({**FIELDS, **change})
