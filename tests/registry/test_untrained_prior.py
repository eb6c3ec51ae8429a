"""`--model prior`: the expression network alone, without a registry."""

from pathlib import Path

import numpy as np
import pytest
from helpers.films import write_film
from helpers.sounds import encoded, voice

import avemo
from avemo.cli import main
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.models.hypermodel import Architectures
from avemo.models.preprocessing import SequencePreprocessor
from avemo.pretrained.expression_mobilenet import MEAN_FEATURE
from avemo.registry import untrained_prior
from avemo.runtime.graph import load_graph

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
FILM = SHARED / "ravdess" / "video" / "01-01-03-01-01-02-05.mp4"
WEIGHTS = SHARED / "weights"

needs_weights = pytest.mark.skipif(not FILM.exists(), reason=f"no {FILM}")


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracking server that is not there: nobody may ask it."""
    monkeypatch.setenv("AVEMO_ROOT", str(ROOT))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")


@pytest.fixture
def weights(no_registry: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AVEMO_ASSETS_MIRROR", str(WEIGHTS))
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "cache"))


def test_its_graph_answers_as_the_untrained_architecture(tmp_path: Path) -> None:
    untrained_prior._write_graph(tmp_path / "a.onnx", list(EMOTIONS))
    clips = np.random.default_rng(1).dirichlet(np.ones(7), (9, 1)).astype("f")
    (probabilities,) = load_graph(tmp_path / "a.onnx").run({MEAN_FEATURE: clips})
    preprocessors = {MEAN_FEATURE: SequencePreprocessor.unscaled(7)}
    space = Architectures("visual", ["expression_prior"], preprocessors, {}, classes=EMOTIONS)
    expected = space.build_from({})({MEAN_FEATURE: clips}).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.real
@needs_weights
def test_it_answers_for_a_face_and_says_that_sound_has_none(
    weights: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(encoded(voice(16000), 16000))
    assert main(["predict", "--model", "prior", str(FILM), str(sound)]) == 1
    output = capsys.readouterr()
    assert f"{FILM}: happy 0." in output.out
    assert "by untrained-prior version " in output.out
    assert "a.wav has no video stream; sound has no untrained prior" in output.err

    table = tmp_path / "table.csv"
    assert main(["predict", "--model", "prior", str(FILM), "--csv", str(table)]) == 0
    assert "untrained-prior" in table.read_text()
    prediction = avemo.load_model("prior").predict(FILM)
    assert (prediction.emotion, prediction.synthetic) == ("happy", False)


def test_weights_that_cannot_be_fetched_are_an_error_in_one_line(
    no_registry: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AVEMO_ASSETS_ORIGIN", "http://127.0.0.1:1")
    monkeypatch.delenv("AVEMO_ASSETS_MIRROR", raising=False)
    film = write_film(tmp_path / "a.mkv")
    assert main(["predict", "--model", "prior", str(film)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("avemo: ")]
    assert "mobilenet_7.h5 is missing and could not be fetched" in lines[-1]
