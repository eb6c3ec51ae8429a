"""A known sound comes back right from every format, rate and number of channels."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from helpers.sounds import CODED, PLAIN, align_sound, encoded, voice
from numpy.typing import NDArray

from avemo.features.audio import logmel, mfcc
from avemo.features.run import extract_audio
from avemo.media.probe import probe
from avemo.media.sound import read_sound

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000]
COARSE = {"wav-8", "aiff-8", "flac-8"}
LOSSY = {"mp3", "vorbis", "opus", "m4a", "m4a-fast", "adts", "mka", "webm"}
LOSSLESS = [name for name in (*PLAIN, *CODED) if name not in LOSSY]
BAND = {"low_hz": 60.0, "high_hz": 7600.0}
EXTRACTORS = {
    "mfcc": mfcc.Mfcc(
        mfcc.Settings(sample_rate=16000, window_ms=48.0, hop_ms=24.0, coefficients=30, **BAND)
    ),
    "logmel": logmel.LogMel(
        logmel.Settings(sample_rate=16000, window_ms=25.0, hop_ms=10.0, bands=64, **BAND)
    ),
}


def feature_differences(content: bytes, expected: bytes) -> dict[str, NDArray[np.float32]]:
    """Return by extractor how far the features of a file are from those of another."""
    actual, reference = (extract_audio(file, EXTRACTORS) for file in (content, expected))
    pairs = {name: (actual[name][name], reference[name][name]) for name in EXTRACTORS}
    shortest = {name: min(map(len, pair)) for name, pair in pairs.items()}
    return {n: np.abs(a[: shortest[n]] - b[: shortest[n]]) for n, (a, b) in pairs.items()}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("format", ["wav-16", "wav-float", "flac-16"])
def test_every_rate(rate: int, format: str) -> None:
    content = encoded(voice(rate), rate, format)
    decoded = read_sound(content)
    assert abs(len(decoded) - 16000) <= 1
    np.testing.assert_allclose(decoded[:16000], voice(16000)[: len(decoded)], atol=1e-4)
    assert (probe(content).sample_rate, probe(content).duration_s) == (rate, 1.0)
    difference = feature_differences(content, encoded(voice(16000), 16000))
    assert difference["mfcc"].max() < 0.6
    assert difference["logmel"].max() < 0.1


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("format", LOSSLESS)
def test_every_lossless_format(rate: int, format: str) -> None:
    content = encoded(voice(rate), rate, format)
    decoded = read_sound(content)
    step = 0.012 if format in COARSE else 1e-4
    assert len(decoded) == 16000
    np.testing.assert_allclose(decoded, voice(16000), atol=step)
    measures = probe(content)
    assert (measures.sample_rate, measures.channels, measures.duration_s) == (rate, 1, 1.0)
    assert measures.peak_dbfs == pytest.approx(20 * np.log10(np.abs(voice(rate)).max()), abs=0.2)


# the rates that every one of the encoders takes
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("format", sorted(LOSSY))
def test_every_lossy_format(rate: int, format: str) -> None:
    content = encoded(voice(rate), rate, format)
    lag, decoded = align_sound(read_sound(content), voice(16000))
    padding = 1024 / rate if format == "adts" else 0  # it cannot say what is to be cut off
    assert lag / 16000 == pytest.approx(padding, abs=0.001)
    assert len(decoded) == pytest.approx(16000, abs=0.033 * 16000)
    expected = voice(16000)[: len(decoded)]
    gain = decoded @ expected / (expected @ expected)
    assert gain == pytest.approx(1, abs=0.03)
    assert np.linalg.norm(decoded - expected) < 0.12 * np.linalg.norm(expected)
    assert probe(content).duration_s == pytest.approx(1 + padding, abs=0.13)


@pytest.mark.parametrize("format", [*LOSSLESS, *sorted(LOSSY - {"adts"})])
def test_features_of_every_format(format: str) -> None:
    room = np.random.default_rng(0).normal(size=16000) * 0.003
    sound = voice(16000) + room
    difference = feature_differences(encoded(sound, 16000, format), encoded(sound, 16000))
    if format in LOSSY | COARSE:
        assert difference["mfcc"].mean() < 4
        assert difference["logmel"].mean() < 0.5
    else:
        assert difference["mfcc"].max() < 0.2
        assert difference["logmel"].max() < 0.1
    quieter = encoded(voice(16000, level=0.2) + room, 16000)
    by_level = feature_differences(quieter, encoded(sound, 16000))
    assert by_level["mfcc"].mean() > 4
    assert by_level["logmel"].mean() > 0.5


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("format", ["wav-16", "wav-float", "wavex-24", "flac-16", "m4a", "mov-16"])
def test_channels_are_averaged(format: str, channels: int) -> None:
    channel = voice(48000)
    sound = np.stack([channel * share for share in (1, 0.5, 0.3, 0.0, 0.4, 0.2)[:channels]], axis=1)
    content = encoded(sound, 48000, format)
    decoded = read_sound(content)[:16000]
    expected = sound.mean(axis=1).max() / channel.max() * voice(16000)
    if format == "m4a":
        assert np.linalg.norm(decoded - expected) < 0.12 * np.linalg.norm(expected)
    else:
        np.testing.assert_allclose(decoded, expected, atol=1e-4)
    assert probe(content).channels == channels


@pytest.mark.parametrize("format", ["mp3", "vorbis", "opus"])
def test_stereo_of_lossy_formats(format: str) -> None:
    sound = np.stack([voice(48000), 0.5 * voice(48000)], axis=1)
    decoded = read_sound(encoded(sound, 48000, format))
    expected = 0.75 * voice(16000)[: len(decoded)]
    assert np.linalg.norm(decoded[:16000] - expected) < 0.12 * np.linalg.norm(expected)


@pytest.mark.parametrize("format", ["wav-float", "wav-double", "aiff-float", "mov-float"])
def test_float_samples_above_one_are_kept(format: str) -> None:
    loud = voice(16000, level=4)
    assert np.abs(loud).max() > 2
    content = encoded(loud, 16000, format)
    np.testing.assert_allclose(read_sound(content), loud, atol=1e-6)
    assert probe(content).peak_dbfs == pytest.approx(20 * np.log10(np.abs(loud).max()), abs=1e-3)
    features = extract_audio(content, EXTRACTORS)
    assert all(np.isfinite(features[name][name]).all() for name in EXTRACTORS)


def test_a_clipped_sound_stays_as_it_is() -> None:
    clipped = np.clip(3 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000), -1, 1)
    content = encoded(clipped, 16000, "wav-24")
    np.testing.assert_allclose(read_sound(content), clipped, atol=1e-6)
    assert probe(content).clipped_ratio == pytest.approx(np.mean(np.abs(clipped) >= 1), abs=1e-3)


@pytest.mark.parametrize("offset", [0.5, -0.3, 0.05, 0.006])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_an_offset_is_taken_off(rate: int, offset: float) -> None:
    content = encoded(voice(rate) + offset, rate)
    np.testing.assert_allclose(read_sound(content), voice(16000), atol=1e-4)
    plain = encoded(voice(rate), rate)
    assert probe(content).peak_dbfs == pytest.approx(probe(plain).peak_dbfs, abs=0.01)
    difference = feature_differences(content, plain)
    assert difference["mfcc"].max() < 1  # 500 where it stays: either end clicks
    assert difference["logmel"].max() < 0.1


def test_an_offset_of_each_channel_is_taken_off() -> None:
    sound = np.stack([voice(16000) + 0.4, voice(16000) - 0.1], axis=1)
    np.testing.assert_allclose(read_sound(encoded(sound, 16000)), voice(16000), atol=1e-4)


def test_a_small_mean_is_left_as_it_is() -> None:
    """The features of ordinary recordings do not depend on whether offsets are looked for."""
    sound = (voice(16000) + 0.002).astype("f")
    np.testing.assert_array_equal(read_sound(encoded(sound, 16000, "wav-float")), sound)
    small = feature_differences(encoded(sound, 16000), encoded(voice(16000), 16000))
    assert small["mfcc"].mean() < 0.2
    assert small["mfcc"][2:-2].max() < 0.2  # heard at either end alone


@pytest.mark.slow
@pytest.mark.parametrize("format", ["wav-16", "flac-16"])
def test_ten_minutes_are_measured_in_little_memory(format: str, tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_bytes(encoded(np.tile(voice(16000, 10), 60), 16000, format))
    probe(encoded(voice(16000), 16000, format))  # what it imports does not count
    tracemalloc.start()
    measures = probe(file)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert measures.duration_s == 600
    assert peak_bytes < 20_000_000


@pytest.mark.slow
def test_features_of_ten_minutes() -> None:
    tenth = voice(16000, 10)
    features = extract_audio(encoded(np.tile(tenth, 60), 16000), EXTRACTORS)["logmel"]["logmel"]
    of_tenth = extract_audio(encoded(tenth, 16000), EXTRACTORS)["logmel"]["logmel"]
    assert len(features) == 60_001
    np.testing.assert_allclose(features[30_003:30_998], of_tenth[3:-3], atol=0.01)


@pytest.mark.parametrize(
    ("container", "codec"), [("eac3", "eac3"), ("wav", "g722"), ("mov", "mp2")]
)
def test_formats_of_television_and_telephony(
    container: str, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODED, codec, (container, codec))
    rate = 16000 if codec == "g722" else 48000
    _, decoded = align_sound(read_sound(encoded(voice(rate), rate, codec)), voice(16000))
    expected = voice(16000)[: len(decoded)]
    assert np.linalg.norm(decoded - expected) < 0.12 * np.linalg.norm(expected)
