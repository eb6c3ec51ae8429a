from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from helpers.whisper_file import tensors, write
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.numpy import load_file, save_file

from avemo.errors import AssetError
from avemo.features.arrays import Arrays, Sound
from avemo.features.audio import (
    whisper,
    whisper_base,
    whisper_base_copies,
    whisper_base_speeds,
    whisper_copies,
    whisper_speeds,
)
from avemo.features.names import extractor_of
from avemo.features.registry import extractor_from_spec
from avemo.models.audio.whisper_base import WhisperBase
from avemo.pretrained import assets, whisper_encoder
from avemo.pretrained.whisper_encoder import ModelName
from avemo.runtime import pretrained_graphs
from avemo.runtime.graph import Graph, OnnxGraph, load_graph
from avemo.runtime.whisper_graph import build_graph

SHARED = Path(__file__).parents[3] / "../shared"
RATE: Final = 16000
SETTINGS = whisper.Settings(sample_rate=RATE, voiced_db=35.0, step_ms=60.0)
ERF = np.vectorize(math.erf)

Doubles = NDArray[np.float64]


def noise(samples: int, seed: int = 0) -> Sound:
    """Noise that swells from very soft to loud."""
    loudness = np.logspace(-5, -0.5, samples)
    return (np.random.default_rng(seed).standard_normal(samples) * loudness).astype("f")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("weights") / "model.safetensors")


@pytest.fixture(scope="module")
def graph(published: Path) -> Path:
    return pretrained_graphs.get("whisper_tiny_en", published)


@pytest.fixture(scope="module")
def encoder(graph: Path) -> Graph:
    return load_graph(graph)


def extract(sound: Sound, file: Path, **change: float) -> Arrays:
    settings = SETTINGS.model_copy(update=change)
    return whisper.Whisper(settings, {"whisper_tiny_en": file}).extract(sound)


def bank() -> Doubles:
    """Slaney's mel filters, written out: linear to 1 kHz, logarithmic above, equal areas."""
    mel = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), 82)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    bins = np.arange(201) * RATE / 400
    rows = [
        np.interp(bins, edges[at : at + 3], [0, 2 / (edges[at + 2] - edges[at]), 0])
        for at in range(80)
    ]
    return np.array(rows)


def spectrogram(sound: Sound) -> Doubles:
    """As in Whisper's audio.py, written out frame by frame."""
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    padded = np.pad(sound.astype(float), 200, "reflect")
    starts = range(0, len(padded) - 400 + 1, 160)
    power = [np.abs(np.fft.rfft(padded[at : at + 400] * taper)) ** 2 for at in starts][:-1]
    levels = np.log10(np.maximum(np.array(power) @ bank().T, 1e-10))
    scaled: Doubles = (np.maximum(levels, levels.max() - 8) + 4) / 4
    return scaled


def forward(mel: Doubles, weights: Mapping[str, Sound]) -> list[Doubles]:
    """The published encoder, written out, for one clip [frames, 80]: its states [frames, width]."""
    values: dict[str, Doubles] = {
        name.removeprefix("model.encoder."): value.astype(np.float16).astype(float)
        for name, value in weights.items()
    }

    def linear(x: Doubles, name: str) -> Doubles:
        return x @ values[f"{name}.weight"].T + values.get(f"{name}.bias", 0)

    def norm(x: Doubles, name: str) -> Doubles:
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        return x * values[f"{name}.weight"] + values[f"{name}.bias"]

    def gelu(x: Doubles) -> Doubles:
        activations: Doubles = x * (1 + ERF(x / np.sqrt(2))) / 2
        return activations

    def convolved(x: Doubles, name: str, stride: int) -> Doubles:
        x = np.pad(x, ((1, 1), (0, 0)))
        kernel = values[f"{name}.weight"]
        rows = [np.tensordot(x[at : at + 3], kernel, ((0, 1), (2, 1))) for at in range(len(x) - 2)]
        return gelu(np.array(rows[::stride]) + values[f"{name}.bias"])

    def attended(x: Doubles, name: str) -> Doubles:
        heads = [
            linear(x, f"{name}.{part}").reshape(len(x), -1, 64).transpose(1, 0, 2)
            for part in ("q_proj", "k_proj", "v_proj")
        ]
        scores = np.exp(heads[0] @ heads[1].transpose(0, 2, 1) / 8)
        weighted = scores / scores.sum(2, keepdims=True) @ heads[2]
        return linear(weighted.transpose(1, 0, 2).reshape(x.shape), f"{name}.out_proj")

    x = convolved(convolved(mel, "conv1", 1), "conv2", 2)
    x = x + values["embed_positions.weight"][: len(x)]
    states = [x]
    blocks = sum(name.endswith("fc1.weight") for name in values)
    for block in (f"layers.{number}" for number in range(blocks)):
        x = x + attended(norm(x, f"{block}.self_attn_layer_norm"), f"{block}.self_attn")
        y = gelu(linear(norm(x, f"{block}.final_layer_norm"), f"{block}.fc1"))
        x = x + linear(y, f"{block}.fc2")
        states.append(x)
    return [*states[:-1], norm(x, "layer_norm")]


@pytest.mark.parametrize("samples", [400, 639, 640, 16000, 48123])
def test_log_mel_by_the_definition(samples: int) -> None:
    features = whisper.log_mel(noise(samples))
    assert features.dtype == np.float32
    assert features.shape == (samples // 160, 80)
    np.testing.assert_allclose(features, spectrogram(noise(samples)), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "samples", "states"),
    [
        ("tiny.en", 5000, (5, 384)),  # 31 frames
        ("tiny.en", 5130, (5, 384)),  # 32
        ("base", 5000, (7, 512)),
        ("small.en", 5000, (13, 768)),
    ],
)
def test_the_encoder_by_the_definition(
    model: ModelName, samples: int, states: tuple[int, int], tmp_path: Path
) -> None:
    file = write(tmp_path / "model.safetensors", model)
    graph = build_graph(whisper_encoder.read_tensors(file, model), model)
    sound = noise(samples)
    encoder = OnnxGraph(graph.SerializeToString(), model)
    (features,) = whisper.encode(encoder, [sound])
    expected = np.stack(forward(spectrogram(sound), tensors(model)), axis=1)
    assert features.dtype == np.float32
    assert features.shape == expected.shape == (16, *states)
    np.testing.assert_allclose(features, expected, atol=5e-3)


@pytest.mark.slow
def test_clips_together_as_alone(encoder: Graph) -> None:
    sounds = [noise(samples, samples) for samples in (300, 8000, 20321, 12345)]
    together = whisper.encode(encoder, sounds)
    assert [len(features) for features in together] == [1, 25, 64, 39]
    for sound, features in zip(sounds, together, strict=True):
        (alone,) = whisper.encode(encoder, [sound])
        np.testing.assert_allclose(features, alone, atol=1e-3)
        np.testing.assert_allclose(
            whisper.encode(encoder, [sound, sounds[1]])[0], features, atol=1e-3
        )


@pytest.fixture
def levels(monkeypatch: pytest.MonkeyPatch) -> Doubles:
    """Hidden states that say where and which they are, at levels that a test sets."""
    states = (np.arange(20)[:, None, None] + 100 * np.arange(5)[:, None]).astype("f")
    states = np.repeat(states, 384, axis=2)
    frame_levels = np.full(20, -90.0)
    monkeypatch.setattr(whisper, "load_graph", lambda file: None)
    monkeypatch.setattr(whisper, "_encode_spectrograms", lambda encoder, mels: [states])
    monkeypatch.setattr(whisper, "_levels", lambda mel: frame_levels)
    return frame_levels


def test_from_the_first_voiced_frame_to_the_last(levels: Doubles) -> None:
    levels[3:10] = [-25, -10, -25.1, -60, 10, -24, -25]
    features = extract(noise(6400), Path())
    assert {name: array.dtype.name for name, array in features.items()} == whisper.Whisper.dtypes
    steps = features["whisper"].reshape(-1, 5, 384)
    np.testing.assert_array_equal(steps[:, 0, 0], [4, 7, 9])
    np.testing.assert_array_equal(steps[:, 4, 383], [404, 407, 409])
    stats = features["whisper_stats"].reshape(5, 2, 384)
    voiced = [3, 4, 7, 8, 9]
    np.testing.assert_allclose(stats[2, 0], 200 + np.mean(voiced))
    np.testing.assert_allclose(stats[2, 1], np.std(voiced))


@pytest.mark.parametrize(("step_ms", "steps"), [(20.0, 10), (40.0, 5), (80.0, 3), (200.0, 1)])
def test_steps(step_ms: float, steps: int, levels: Doubles) -> None:
    levels[5:15] = 0
    assert len(extract(noise(6400), Path(), step_ms=step_ms)["whisper"]) == steps


def test_how_loud_a_voiced_frame_is(levels: Doubles) -> None:
    levels[:] = -np.arange(20)
    assert len(extract(noise(6400), Path(), voiced_db=7.0, step_ms=20.0)["whisper"]) == 8


def test_a_tone_is_voiced_and_the_silence_around_it_is_not(graph: Path) -> None:
    sound = np.zeros(RATE, "f")
    sound[4800:9600] = np.sin(np.arange(4800)) / 3
    features = extract(sound, graph, step_ms=20.0)
    assert len(features["whisper"]) == pytest.approx(15, abs=2)
    assert np.isfinite(features["whisper"]).all()


@pytest.mark.parametrize("samples", [1, 319, 320, 400])
def test_a_very_short_clip_and_silence(samples: int, graph: Path) -> None:
    for sound in (noise(samples), np.zeros(samples, "f")):
        features = extract(sound, graph)
        assert features["whisper"].shape == (1, 1920)
        assert features["whisper_stats"].shape == (1, 10 * 384)
        assert np.isfinite(features["whisper_stats"]).all()


@pytest.mark.slow
def test_a_long_clip_is_heard_30_s_at_a_time(graph: Path) -> None:
    tone = np.sin(np.arange(35 * RATE) / 10).astype("f")
    features = extract(tone, graph)["whisper"]
    assert len(features) == -(-35 * 50 // 3)
    first = extract(tone[: 30 * RATE], graph)["whisper"]
    np.testing.assert_allclose(features[:500], first, atol=1e-2)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    values = tensors()
    del values["model.encoder.layers.2.fc1.bias"]
    save_file(values, tmp_path / "it")
    with pytest.raises(AssetError, match=r"layers\.2\.fc1\.bias is missing, \[1536\] is expected"):
        whisper_encoder.load_encoder(tmp_path / "it")


@pytest.mark.parametrize(
    ("name", "shape"),
    [("conv1.weight", (384, 128, 3)), ("layers.0.self_attn.q_proj.weight", (512, 512))],
)
def test_a_tensor_of_another_size_is_named(
    name: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    save_file(tensors() | {f"model.encoder.{name}": np.zeros(shape, "f")}, tmp_path / "it")
    with pytest.raises(AssetError, match=rf"{name} is \[{shape[0]}, .* is expected"):
        whisper_encoder.load_encoder(tmp_path / "it")


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(AssetError, match="is no safetensors file"):
        whisper_encoder.load_encoder(tmp_path / "it")


@pytest.mark.slow
def test_a_second_encoder_hears_beside_the_first(tmp_path: Path) -> None:
    settings = whisper_base.Settings(sample_rate=RATE, voiced_db=35.0, step_ms=60.0)
    file = pretrained_graphs.get("whisper_base", write(tmp_path / "model.safetensors", "base"))
    extractor = whisper_base.WhisperBase(settings, {"whisper_base": file})
    features = extractor.extract(noise(RATE))
    assert {name: array.dtype.name for name, array in features.items()} == extractor.dtypes
    assert features["whisper_base"].shape[1] == 7 * 512
    assert features["whisper_base_stats"].shape == (1, 7 * 2 * 512)
    alone = whisper.Whisper(
        whisper.Settings(**settings.model_dump()), {"whisper_base": file}
    ).extract(noise(RATE))
    np.testing.assert_array_equal(alone["whisper"], features["whisper_base"])
    spec = extractor.spec()
    assert (spec.settings["model"], spec.resources) == ("base", {"whisper_base": file.name})
    again = extractor_from_spec(spec, {"whisper_base": file})
    assert again.licences() == {"OpenAI, openai/whisper-base: MIT"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("copies", "of_second", "own"),
    [
        (whisper_speeds.WhisperSpeeds, whisper_base_speeds.WhisperBaseSpeeds, {"speed": 0.1}),
        (
            whisper_copies.WhisperCopies,
            whisper_base_copies.WhisperBaseCopies,
            {"semitones": 2.0, "snr_db": 30.0, "reverberation_s": 0.3},
        ),
    ],
)
def test_a_second_encoder_hears_the_same_copies(
    tmp_path: Path,
    copies: type[whisper.Whisper[whisper.Settings]],
    of_second: type[whisper.Whisper[whisper.Settings]],
    own: dict[str, float],
) -> None:
    file = pretrained_graphs.get("whisper_base", write(tmp_path / "model.safetensors", "base"))
    settings = of_second.settings_class.model_validate(SETTINGS.model_dump() | own)
    extractor = of_second(settings, {"whisper_base": file})
    features = extractor.extract(noise(RATE))
    assert list(features) == list(extractor.dtypes)
    as_first = copies(copies.settings_class(**settings.model_dump()), extractor.weights)
    for name, array in as_first.extract(noise(RATE)).items():
        second = name.replace("whisper_", "whisper_base_")
        assert extractor_of(second) == of_second.name()
        np.testing.assert_array_equal(features[second], array)
        assert second in WhisperBase.augmentations["whisper_base"]


def test_a_choice_of_encoder_leaves_former_features_as_they_are() -> None:
    spec = whisper.Whisper(SETTINGS).spec()
    assert spec.settings == {"sample_rate": RATE, "voiced_db": 35.0, "step_ms": 60.0}
    assert extractor_from_spec(spec).weight_names == ("whisper_tiny_en",)


def test_a_file_of_another_encoder_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "it")
    with pytest.raises(AssetError, match=r"take the file of openai/whisper-base\.en$"):
        whisper_encoder.read_tensors(file, "base.en")


@pytest.mark.parametrize("model", whisper_encoder.ENCODERS)
def test_each_encoder_has_weights_to_fetch(model: ModelName) -> None:
    asset = assets.ASSETS[whisper_encoder.asset_name(model)]
    assert (
        asset.url == f"https://huggingface.co/openai/whisper-{model}/resolve/main/model.safetensors"
    )
    assert asset.licence == "MIT"
    assert pretrained_graphs.find_network(whisper_encoder.asset_name(model))


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("model", ["tiny.en", "base"])
def test_a_real_clip_through_the_published_weights(
    model: ModelName, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (SHARED / "weights").is_dir():
        monkeypatch.setenv(assets.MIRROR, str(SHARED / "weights"))
    name = whisper_encoder.asset_name(model)
    file = assets.find(name)
    clip = SHARED / "ravdess/speech/03-01-05-01-01-01-03.flac"
    if file is None or not clip.is_file():
        pytest.skip(f"needs ../shared/ravdess, and Whisper: avemo assets pull {name}")
    from avemo.media.sound import read_sound

    sound = read_sound(clip, RATE)[: 2 * RATE]
    real_graph = pretrained_graphs.get(name, file)
    (features,) = whisper.encode(load_graph(real_graph), [sound])
    expected = np.stack(forward(spectrogram(sound), load_file(file)), axis=1)
    np.testing.assert_allclose(features, expected, atol=0.02)
    settings = SETTINGS.model_copy(update={"model": model})
    clip_features = whisper.Whisper(settings, {name: real_graph}).extract(read_sound(clip, RATE))
    assert 15 < len(clip_features["whisper"]) < 60  # one to three seconds of speech
    assert np.abs(clip_features["whisper"]).max() < 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_rate": 22050}, "Input should be 16000"),
        ({"voiced_db": 0.0}, "greater than 0"),
        ({"step_ms": 0.0}, "greater than 0"),
        ({"step_ms": 220.0}, "less than or equal to 200"),
        ({"step_ms": 50.0}, "multiple of 20"),
        ({"bands": 80}, "Extra inputs"),
        ({"model": "large"}, "Input should be 'tiny.en', 'base', 'base.en' or 'small.en'"),
    ],
)
def test_wrong_settings(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        whisper.Settings.model_validate({**SETTINGS.model_dump(), **change})
