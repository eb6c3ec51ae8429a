"""Whisper's encoder computes in the hand-written graph what it computes in Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.whisper_file import write
from numpy.typing import NDArray

from avemo.features.audio.whisper import log_mel
from avemo.media.sound import read_sound
from avemo.pretrained import assets, whisper_encoder
from avemo.pretrained.whisper_encoder import ModelName
from avemo.runtime.export import write_graph
from avemo.runtime.graph import OnnxGraph
from avemo.runtime.whisper_graph import build_graph

pytestmark = pytest.mark.slow

SHARED = Path(__file__).parents[2] / "../shared"
FRAMES = (1, 2, 31, 200, 3000)

Floats = NDArray[np.float32]
#: the states by Keras and by the graph, for spectrograms of several lengths together
Encode = Callable[[list[Floats]], tuple[Floats, Floats]]


def load(weights: Path, folder: Path, model: ModelName = "tiny.en") -> Encode:
    """Return a function that runs both encoders with a file's weights."""
    network = whisper_encoder.load_encoder(weights, model)
    file = folder / "encoder.onnx"
    write_graph(build_graph(whisper_encoder.read_tensors(weights, model), model), file)
    graph = OnnxGraph(file.read_bytes(), file.name)

    def encode(mels: list[Floats]) -> tuple[Floats, Floats]:
        frames = max(map(len, mels))
        inputs = {
            "mel": np.zeros((len(mels), frames, whisper_encoder.BANDS), "f"),
            "mask": np.zeros((len(mels), frames), "f"),
        }
        for row, mel in enumerate(mels):
            inputs["mel"][row, : len(mel)] = mel
            inputs["mask"][row, : len(mel)] = 1
        (states,) = graph.run(inputs)
        return np.asarray(network(inputs)), states

    return encode


@pytest.fixture(scope="module")
def encode(tmp_path_factory: pytest.TempPathFactory) -> Encode:
    folder = tmp_path_factory.mktemp("whisper")
    return load(write(folder / "model.safetensors"), folder)


def mel(frames: int) -> Floats:
    return np.random.default_rng(frames).normal(size=(frames, whisper_encoder.BANDS)).astype("f")


@pytest.mark.parametrize("frames", FRAMES)
def test_the_graph_computes_what_keras_does(encode: Encode, frames: int) -> None:
    expected, states = encode([mel(frames)])
    assert states.shape == (1, (frames + 1) // 2, 5, 384)
    np.testing.assert_allclose(states, expected, atol=1e-4)


def test_a_larger_encoder(tmp_path: Path) -> None:
    weights = write(tmp_path / "model.safetensors", "base")
    expected, states = load(weights, tmp_path, "base")([mel(31)])
    assert states.shape == (1, 16, 7, 512)
    np.testing.assert_allclose(states, expected, atol=1e-4)


def test_clips_of_several_lengths_together(encode: Encode) -> None:
    mels = [mel(frames) for frames in (64, 1, 31, 30, 7)]
    expected, states = encode(mels)
    for clip, of_clip, of_clip_in_keras in zip(mels, states, expected, strict=True):
        steps = (len(clip) + 1) // 2
        np.testing.assert_allclose(of_clip[:steps], of_clip_in_keras[:steps], atol=1e-4)
        (alone,) = encode([clip])[1]
        np.testing.assert_allclose(of_clip[:steps], alone, atol=1e-4)


@pytest.mark.real
def test_the_published_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (SHARED / "weights").is_dir():
        monkeypatch.setenv(assets.MIRROR, str(SHARED / "weights"))
    weights = assets.find("whisper_tiny_en")
    sounds = sorted((SHARED / "ravdess/speech").glob("03-*"))[:3]
    if weights is None or not sounds:
        pytest.skip("needs ../shared/ravdess, and Whisper: avemo assets pull whisper_tiny_en")
    mels = [log_mel(read_sound(file, 16000)) for file in sounds]
    expected, states = load(weights, tmp_path)(mels)
    for clip, of_clip, of_clip_in_keras in zip(mels, states, expected, strict=True):
        steps = (len(clip) + 1) // 2
        difference = np.abs(of_clip[:steps] - of_clip_in_keras[:steps])
        # the last normalisation magnifies rounding, of Keras more than of the graph
        assert difference.max() < 1e-3
        assert difference.mean() < 2e-6
