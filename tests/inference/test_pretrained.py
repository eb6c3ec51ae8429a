"""A registered version carries the pretrained weights that its extractors need."""

from pathlib import Path

import numpy as np
import pytest
from helpers.bundles import bundle_config
from helpers.sounds import encoded, voice
from helpers.whisper_file import write
from numpy.typing import NDArray

from avemo import threads
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features.arrays import Arrays, Sound
from avemo.features.audio import whisper_speeds
from avemo.features.audio.whisper import Settings, Whisper
from avemo.features.run import extract_audio
from avemo.inference.recogniser import Recogniser, pack
from avemo.models import bundle, preprocessing
from avemo.pretrained import assets
from avemo.registry import packaging
from avemo.runtime import pretrained_graphs

SETTINGS = Settings(sample_rate=16000, voiced_db=35.0, step_ms=60.0)
CLIP = encoded(voice(16000), 16000)
#: a model, and its probabilities for the clip
Trained = tuple[bundle.Bundle, NDArray[np.float32]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("published") / "whisper-tiny.en.safetensors")


@pytest.fixture(scope="module")
def trained(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network that looks at two arrays of one extractor, untrained."""
    import keras

    keras.utils.set_random_seed(1)
    graph = pretrained_graphs.get("whisper_tiny_en", published)
    extractor = Whisper(SETTINGS, {"whisper_tiny_en": graph})
    with threads.single_threaded():  # as a recogniser computes: one clip's scale magnifies rounding
        arrays = extract_audio(CLIP, {"whisper": extractor})["whisper"]
    preprocessors = {name: preprocessing.fit([array]) for name, array in arrays.items()}
    inputs = {name: keras.Input(p.shape, name=name) for name, p in preprocessors.items()}
    flat = keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in inputs.values()])
    network = keras.Model(inputs, keras.layers.Dense(len(EMOTIONS), "softmax")(flat))
    features = dict.fromkeys(arrays, extractor.spec())
    folder = tmp_path_factory.mktemp("trained")
    bundle.write(folder, network, preprocessors, bundle_config(features=features))
    model = bundle.Bundle(folder)
    return model, model.probabilities({name: [array] for name, array in arrays.items()})[0]


@pytest.mark.slow
def test_the_encoder_goes_with_the_model_and_is_used_there(
    trained: Trained, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, expected = trained
    with monkeypatch.context() as patch:
        patch.setattr(assets, "get", lambda name, quiet=False: published)
        pack(model, {}, tmp_path / "packed")
    graph = pretrained_graphs.get("whisper_tiny_en", published)
    packed = tmp_path / "packed/weights/whisper_tiny_en" / graph.name
    assert packed.read_bytes() == graph.read_bytes()
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "none"))
    calls: list[Sound] = []
    extract = Whisper.extract

    def counted(self: Whisper[Settings], sound: Sound) -> Arrays:
        calls.append(sound)
        return extract(self, sound)

    monkeypatch.setattr(Whisper, "extract", counted)
    prediction = Recogniser(tmp_path / "packed").predict(CLIP)
    assert (prediction.finding, len(calls)) == ("", 1)
    probabilities = [prediction.probabilities[name] for name in EMOTIONS]
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)


def test_extractors_that_share_a_network_are_packed_with_one(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "get", lambda name, quiet=False: published)
    speeds = whisper_speeds.WhisperSpeeds(
        whisper_speeds.Settings(**SETTINGS.model_dump(), speed=0.1)
    )
    specs = {"whisper": Whisper(SETTINGS).spec(), "whisper_speeds_slower": speeds.spec()}
    (tmp_path / "trained").mkdir()
    bundle_config(features=specs).write(tmp_path / "trained" / bundle.CONFIG_FILE)
    pack(bundle.Bundle(tmp_path / "trained"), {}, tmp_path / "packed")
    assert len(list((tmp_path / "packed" / "weights").glob("*/*"))) == 1


@pytest.mark.slow
def test_a_version_says_what_it_carries_and_what_that_may_be_used_for(trained: Trained) -> None:
    assert packaging.weight_licences(trained[0]) == "OpenAI, openai/whisper-tiny.en: MIT"
    packages = {pin.partition("==")[0] for pin in packaging.pip_requirements(trained[0])}
    assert "onnxruntime" in packages
    assert packages.isdisjoint({"tensorflow", "keras", "onnx", "tf2onnx", "safetensors"})
