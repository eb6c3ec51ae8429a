import pickle
from pathlib import Path

import numpy as np
import pytest
from helpers.sounds import encoded
from pydantic import ValidationError

from avemo.errors import AssetError
from avemo.features import run_audio
from avemo.features.audio import logmel, mfcc, vggish, whisper
from avemo.features.names import extractor_of
from avemo.features.registry import module, weights_of
from avemo.pretrained import assets

RATE = 16000
MFCC = {"sample_rate": RATE, "window_ms": 48.0, "hop_ms": 24.0, "coefficients": 30,
        "low_hz": 60.0, "high_hz": 7600.0}  # fmt: skip
LOGMEL = {"sample_rate": RATE, "window_ms": 25.0, "hop_ms": 10.0, "bands": 64,
          "low_hz": 60.0, "high_hz": 7600.0}  # fmt: skip
EXTRACTORS = {
    "mfcc": mfcc.Settings(**MFCC),
    "vggish": vggish.Settings(sample_rate=RATE, patch_hop_s=0.96),
    "whisper": whisper.Settings(sample_rate=RATE, voiced_db=35.0, step_ms=60.0),
}


def noise(samples):
    """Noise that swells from very soft to loud."""
    loudness = np.logspace(-5, -0.5, samples)
    return (np.random.default_rng(0).standard_normal(samples) * loudness).astype("f")


def sine(samples):
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(samples) / RATE)).astype("f")


def bank(frequencies, bands, low, high):
    """Slaney's mel filters, written out: linear to 1 kHz, logarithmic above, equal areas."""

    def mel(hz):
        return np.where(
            hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1) / 1000) * 27 / np.log(6.4)
        )

    grid = np.linspace(0, 8000, 800001)
    edges = np.interp(
        np.linspace(mel(np.array(low)), mel(np.array(high)), bands + 2), mel(grid), grid
    )
    rows = [
        np.interp(frequencies, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0])
        for i in range(bands)
    ]
    return np.array(rows)


def power_of(sound, window, hop, bands):
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(sound.astype(float), window // 2)
    starts = range(0, len(padded) - window + 1, hop)
    power = [np.abs(np.fft.rfft(padded[at : at + window] * taper)) ** 2 for at in starts]
    return np.array(power) @ bank(np.fft.rfftfreq(window, 1 / RATE), bands, 60, 7600).T


@pytest.mark.parametrize("sound", [noise(30000), sine(12345)], ids=["noise", "sine"])
def test_mfcc_by_the_definition(sound):
    decibels = 10 * np.log10(np.maximum(1e-10, power_of(sound, 768, 384, 128)))
    decibels = np.maximum(decibels, decibels.max() - 80)
    angle = np.pi / 128 * np.outer(np.arange(30), np.arange(128) + 0.5)
    scale = np.where(np.arange(30) == 0, np.sqrt(1 / 128), np.sqrt(2 / 128))
    expected = decibels @ (np.cos(angle) * scale[:, None]).T
    found = mfcc.extract(sound, mfcc.Settings(**MFCC))["mfcc"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("sound", [noise(30000), sine(12345)], ids=["noise", "sine"])
def test_logmel_by_the_definition(sound):
    expected = np.log(power_of(sound, 400, 160, 64) + 1e-6)
    found = logmel.extract(sound, logmel.Settings(**LOGMEL))["logmel"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_logmel_shows_where_a_tone_is():
    settings = logmel.Settings(**LOGMEL)
    loudest = []
    for hz in (300, 1000, 4000):
        tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype("f")
        loudest.append(int(logmel.extract(tone, settings)["logmel"].mean(axis=0).argmax()))
    assert loudest == sorted(set(loudest))


def test_logmel_of_a_frame_does_not_depend_on_the_rest():
    sound = noise(16000)
    whole = logmel.extract(sound, logmel.Settings(**LOGMEL))["logmel"]
    half = logmel.extract(sound[:8000], logmel.Settings(**LOGMEL))["logmel"]
    np.testing.assert_allclose(whole[:48], half[:48], atol=1e-6)


@pytest.mark.parametrize(("module", "settings", "width"), [(mfcc, MFCC, 30), (logmel, LOGMEL, 64)])
@pytest.mark.parametrize("samples", [1, 100, 5000])
def test_shape(module, settings, width, samples):
    (found,) = module.extract(noise(samples), module.Settings(**settings)).values()
    hop = round(settings["hop_ms"] * RATE / 1000)
    assert found.shape == (1 + samples // hop, width)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(("module", "settings"), [(mfcc, MFCC), (logmel, LOGMEL)])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"high_hz": 9000.0}, "<= 8000"),
        ({"low_hz": 7600.0}, "low_hz 7600 < high_hz 7600"),
        ({"hop_ms": 50.0}, "hop_ms must not exceed window_ms"),
        ({"window": 3}, "Extra inputs"),
        ({"sample_rate": "16000"}, "valid integer"),
    ],
)
def test_wrong_settings(module, settings, change, message):
    with pytest.raises(ValidationError, match=message):
        module.Settings(**{**settings, **change})


@pytest.fixture
def given(monkeypatch):
    """The weights that each extractor is given in place of its work."""
    given = {}
    for name in ("vggish", "whisper"):

        def extract(sound, settings, weights, name=name):
            given[name] = dict(weights)
            return {name: sound[:1]}

        monkeypatch.setattr(module(name), "extract", extract)
    return given


def test_weights_go_to_the_extractors_that_need_them(given):
    weights = {name: Path(name) for name in ("vggish", "vggish_pca", "whisper_tiny_en")}
    found = run_audio.extract(encoded(noise(RATE), RATE), EXTRACTORS, weights=weights)
    assert set(found) == {"mfcc", "vggish", "whisper"}
    assert given == {"vggish": weights, "whisper": weights}


def test_a_worker_gets_paths_and_takes_its_own_file_where_there_is_none(
    given, tmp_path, monkeypatch
):
    here, there, clip = tmp_path / "here", tmp_path / "elsewhere", tmp_path / "clip.wav"
    here.touch()
    clip.write_bytes(encoded(noise(RATE), RATE))
    weights = {"vggish": here, "vggish_pca": here, "whisper_tiny_en": there}
    sent = pickle.dumps(run_audio.Extraction(EXTRACTORS, weights))
    extraction = pickle.loads(sent)
    monkeypatch.setattr(assets, "get", lambda name, quiet: tmp_path / name)
    extraction(clip, ["mfcc", "vggish"])
    extraction(clip, ["whisper"])
    assert given["vggish"] == {"vggish": here, "vggish_pca": here}
    assert given["whisper"] == {"whisper_tiny_en": tmp_path / "whisper_tiny_en"}


def test_a_worker_without_weights_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    extraction = run_audio.Extraction(EXTRACTORS, {"whisper_tiny_en": tmp_path / "elsewhere"})
    with pytest.raises(AssetError, match=r"whisper-tiny\.en\.safetensors is missing"):
        extraction(tmp_path / "clip.wav", ["whisper"])


@pytest.mark.parametrize(
    ("feature", "extractor"),
    [
        ("mfcc", "mfcc"),
        ("whisper_stats", "whisper"),
        ("vggish_pca", "vggish"),
        ("crops", "crops"),
        ("expression_stats", "expression"),
        ("backbone", "backbone"),
    ],
)
def test_a_feature_is_named_after_its_extractor(feature, extractor):
    assert extractor_of(feature) == extractor
    assert feature in module(extractor).ARRAYS


def test_weights_are_assets():
    assert weights_of("mfcc") == ()
    for name in EXTRACTORS:
        assert set(weights_of(name)) <= set(assets.ASSETS)
