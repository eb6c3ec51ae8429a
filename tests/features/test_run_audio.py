import pickle
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np
import pytest
from helpers.sounds import encoded
from numpy.typing import NDArray
from pydantic import ValidationError

from avemo.errors import AssetError
from avemo.features.arrays import Arrays, Sound
from avemo.features.audio import logmel, mfcc, vggish, whisper
from avemo.features.audio.dsp.mel import MelSettings
from avemo.features.audio.logmel import LogMel
from avemo.features.audio.mfcc import Mfcc
from avemo.features.audio.vggish import Vggish
from avemo.features.audio.whisper import Whisper
from avemo.features.extraction import Extraction
from avemo.features.extractor import AudioExtractor, AudioSettings
from avemo.features.names import extractor_of
from avemo.features.registry import extractor_class
from avemo.features.run import extract_audio
from avemo.pretrained import assets
from avemo.runtime import pretrained_graphs

RATE: Final = 16000
MFCC = {"sample_rate": RATE, "window_ms": 48.0, "hop_ms": 24.0, "coefficients": 30,
        "low_hz": 60.0, "high_hz": 7600.0}  # fmt: skip
LOGMEL = {"sample_rate": RATE, "window_ms": 25.0, "hop_ms": 10.0, "bands": 64,
          "low_hz": 60.0, "high_hz": 7600.0}  # fmt: skip
VGGISH = vggish.Settings(sample_rate=RATE, patch_hop_s=0.96)
WHISPER = whisper.Settings(sample_rate=RATE, voiced_db=35.0, step_ms=60.0)


def extractors(weights: Mapping[str, Path]) -> dict[str, AudioExtractor[AudioSettings]]:
    return {
        "mfcc": Mfcc(mfcc.Settings.model_validate(MFCC)),
        "vggish": Vggish(VGGISH, weights),
        "whisper": Whisper(WHISPER, weights),
    }


def noise(samples: int) -> Sound:
    """Noise that swells from very soft to loud."""
    loudness = np.logspace(-5, -0.5, samples)
    return (np.random.default_rng(0).standard_normal(samples) * loudness).astype("f")


def sine(samples: int) -> Sound:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(samples) / RATE)).astype("f")


def bank(
    frequencies: NDArray[np.floating], bands: int, low: float, high: float
) -> NDArray[np.float64]:
    """Slaney's mel filters, written out: linear to 1 kHz, logarithmic above, equal areas."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
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


def power_of(sound: Sound, window: int, hop: int, bands: int) -> NDArray[np.float64]:
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(sound.astype(float), window // 2)
    starts = range(0, len(padded) - window + 1, hop)
    power = [np.abs(np.fft.rfft(padded[at : at + window] * taper)) ** 2 for at in starts]
    filters = bank(np.fft.rfftfreq(window, 1 / RATE), bands, 60, 7600)
    mel_power: NDArray[np.float64] = np.array(power) @ filters.T
    return mel_power


@pytest.mark.parametrize("sound", [noise(30000), sine(12345)], ids=["noise", "sine"])
def test_mfcc_by_the_definition(sound: Sound) -> None:
    decibels = 10 * np.log10(np.maximum(1e-10, power_of(sound, 768, 384, 128)))
    decibels = np.maximum(decibels, decibels.max() - 80)
    angle = np.pi / 128 * np.outer(np.arange(30), np.arange(128) + 0.5)
    scale = np.full(30, np.sqrt(2 / 128))
    scale[0] = np.sqrt(1 / 128)
    expected = decibels @ (np.cos(angle) * scale[:, None]).T
    features = Mfcc(mfcc.Settings.model_validate(MFCC)).extract(sound)["mfcc"]
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=0.02)


@pytest.mark.parametrize("sound", [noise(30000), sine(12345)], ids=["noise", "sine"])
def test_logmel_by_the_definition(sound: Sound) -> None:
    expected = np.log(power_of(sound, 400, 160, 64) + 1e-6)
    features = LogMel(logmel.Settings.model_validate(LOGMEL)).extract(sound)["logmel"]
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=1e-3)


def test_logmel_shows_where_a_tone_is() -> None:
    extractor = LogMel(logmel.Settings.model_validate(LOGMEL))
    loudest = []
    for hz in (300, 1000, 4000):
        tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype("f")
        loudest.append(int(extractor.extract(tone)["logmel"].mean(axis=0).argmax()))
    assert loudest == sorted(set(loudest))


def test_logmel_of_a_frame_does_not_depend_on_the_rest() -> None:
    sound = noise(16000)
    complete = LogMel(logmel.Settings.model_validate(LOGMEL)).extract(sound)["logmel"]
    half = LogMel(logmel.Settings.model_validate(LOGMEL)).extract(sound[:8000])["logmel"]
    np.testing.assert_allclose(complete[:48], half[:48], atol=1e-6)


@pytest.mark.parametrize(
    ("extractor", "width"),
    [
        (Mfcc(mfcc.Settings.model_validate(MFCC)), 30),
        (LogMel(logmel.Settings.model_validate(LOGMEL)), 64),
    ],
    ids=["mfcc", "logmel"],
)
@pytest.mark.parametrize("samples", [1, 100, 5000])
def test_shape(extractor: AudioExtractor[MelSettings], width: int, samples: int) -> None:
    (features,) = extractor.extract(noise(samples)).values()
    hop = round(extractor.settings.hop_ms * RATE / 1000)
    assert features.shape == (1 + samples // hop, width)
    assert np.isfinite(features).all()


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
def test_wrong_settings(
    module: ModuleType, settings: dict[str, float], change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        module.Settings(**{**settings, **change})


@pytest.fixture
def used_weights(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Path]]:
    """The weights that each extractor has when it is to extract; it extracts nothing."""
    used: dict[str, dict[str, Path]] = {}

    def extract(self: Vggish | Whisper[whisper.Settings], sound: Sound) -> Arrays:
        used[self.name()] = self.weights
        return {self.name(): sound[:1]}

    for extractor in (Vggish, Whisper):
        monkeypatch.setattr(extractor, "extract", extract)
    return used


def test_weights_go_to_the_extractors_that_need_them(
    used_weights: dict[str, dict[str, Path]],
) -> None:
    weights = {name: Path(name) for name in ("vggish", "vggish_pca", "whisper_tiny_en")}
    features = extract_audio(encoded(noise(RATE), RATE), extractors(weights))
    assert set(features) == {"mfcc", "vggish", "whisper"}
    whisper_file = weights.pop("whisper_tiny_en")
    assert used_weights == {"vggish": weights, "whisper": {"whisper_tiny_en": whisper_file}}


def test_a_worker_gets_paths_and_fetches_its_own_file_where_there_is_none(
    used_weights: dict[str, dict[str, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, clip = tmp_path / "local", tmp_path / "clip.wav"
    local.touch()
    clip.write_bytes(encoded(noise(RATE), RATE))
    weights = {"vggish": local, "vggish_pca": local, "whisper_tiny_en": tmp_path / "elsewhere"}
    extraction = pickle.loads(pickle.dumps(Extraction(extract_audio, extractors(weights))))
    monkeypatch.setattr(assets, "get", lambda name, quiet: tmp_path / name)
    monkeypatch.setattr(pretrained_graphs, "get", lambda name, file: file)
    extraction(clip, ["mfcc", "vggish"])
    extraction(clip, ["whisper"])
    assert used_weights["vggish"] == {"vggish": local, "vggish_pca": local}
    assert used_weights["whisper"] == {"whisper_tiny_en": tmp_path / "whisper_tiny_en"}


def test_a_worker_without_weights_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    extractor = Whisper(WHISPER, {"whisper_tiny_en": tmp_path / "elsewhere"})
    extraction = Extraction(extract_audio, {"whisper": extractor})
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
def test_a_feature_is_named_after_its_extractor(feature: str, extractor: str) -> None:
    assert extractor_of(feature) == extractor
    assert feature in extractor_class(extractor).dtypes


def test_weights_are_assets() -> None:
    assert Mfcc.weight_names == ()
    for extractor in (Vggish, Whisper):
        assert set(extractor.weight_names) <= set(assets.ASSETS)
