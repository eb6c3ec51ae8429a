"""A fusion that is a product adapts after it as if the audio model had been adapted before it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers.adaptations import small_adaptation
from helpers.bundles import bundle_config
from helpers.training_task import dataset, settings
from keras import layers
from keras_tuner import HyperParameters
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation.predictions import predictions_frame
from avemo.features.spec import FeatureSpec
from avemo.inference.adapted_model import AdaptedModel
from avemo.models import speaker_space
from avemo.models.adaptation import ADAPTATION_FILE, Adaptation
from avemo.models.bundle import CONFIG_FILE, Bundle
from avemo.models.ensemble import weighted_ensemble
from avemo.models.fusion.late import LateFusion
from avemo.models.weighted_product import WEIGHTS_LAYER
from avemo.records import AdaptationResult
from avemo.training.adapted_bundle import adapt_audio, adapt_fused

pytestmark = pytest.mark.slow

RESULT = AdaptationResult(
    feature="mfcc", dimensions=2, trust=0.5, weight=1.0, uar={}, difference={}
)
SHAPE = (1, len(EMOTIONS))


@pytest.fixture
def audio(tmp_path: Path) -> Bundle:
    """What is needed of a trained audio model that adapts."""
    folder = tmp_path / "audio"
    folder.mkdir()
    bundle_config(adaptation=RESULT).write(folder / CONFIG_FILE)
    small_adaptation().write(folder / ADAPTATION_FILE)
    return Bundle(folder)


def late_fusion(temperature: float) -> keras.Model:
    """The weighted product of two models' answers, as training makes it."""
    inputs = {name: keras.Input(SHAPE, name=name) for name in LateFusion.inputs}
    architecture = LateFusion()
    fused = architecture.head(architecture.embed(HyperParameters(), inputs, {}), EMOTIONS)
    network = keras.Model(inputs, fused)
    network.get_layer(WEIGHTS_LAYER).set_weights([np.array([[0.8], [0.6]])])
    return weighted_ensemble([network], [1.0], temperature)


class Fused:
    """A fused bundle whose branches answer what a clip holds."""

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        seen = FeatureSpec(extractor="faces", version=1, settings={})
        spec = FeatureSpec(extractor="geometry", version=1, settings={}, derived_from=seen)
        self.config = bundle_config(features={"geometry": spec})

    def probabilities_of(self, clips: list[Mapping[str, Any]]) -> NDArray[np.float32]:
        inputs = {
            "audio_log_probabilities": [clip["heard"][None] for clip in clips],
            "visual_log_probabilities": [
                clip.get("geometry", np.zeros(len(EMOTIONS)))[None] for clip in clips
            ],
        }
        arrays = {name: np.array(rows, np.float32) for name, rows in inputs.items()}
        return np.asarray(self.network.predict(arrays, verbose=0))


@pytest.mark.parametrize("sees", [True, False])
def test_the_sound_is_adapted_before_the_product(
    audio: Bundle, tmp_path: Path, *, sees: bool
) -> None:
    network = late_fusion(temperature=1.3)
    assert adapt_fused(network, audio, tmp_path) == RESULT
    adaptation = Adaptation.read(tmp_path / ADAPTATION_FILE)
    assert adaptation.audio_weight == pytest.approx(0.8 / 1.3, abs=1e-3)
    assert adaptation.heard_weight == pytest.approx(1 / 1.3, abs=1e-3)
    random = np.random.default_rng(1)
    heard, seen = np.log(random.dirichlet(np.ones(8), 2))
    clip = {"mfcc": random.normal(size=(1, 2)), "heard": heard}
    if sees:
        clip["geometry"] = seen
    speaker = adaptation.observe({"mfcc": np.array([[3.0, -2]])}, np.exp(heard), neutral=True)
    fused: Any = Fused(network)
    (actual,) = AdaptedModel(fused, adaptation, speaker).probabilities_of([clip])
    alone = replace(adaptation, audio_weight=1.0, heard_weight=1.0)
    before = np.log(alone.answer(clip, np.exp(heard).tolist(), speaker))
    (expected,) = fused.probabilities_of([{**clip, "heard": before}])
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_what_is_no_product_does_not_adapt(audio: Bundle, tmp_path: Path) -> None:
    inputs = {name: keras.Input(SHAPE, name=name) for name in LateFusion.inputs}
    flat = layers.Concatenate()([layers.Flatten()(tensor) for tensor in inputs.values()])
    stacking = keras.Model(inputs, layers.Dense(len(EMOTIONS), "softmax")(flat))
    assert adapt_fused(stacking, audio, tmp_path) == "the fusion is no product"
    assert not (tmp_path / ADAPTATION_FILE).exists()
    (audio.folder / ADAPTATION_FILE).unlink()
    reason = "the audio model does not adapt"
    assert adapt_fused(late_fusion(1.0), audio, tmp_path) == reason


def test_an_audio_model_gets_its_adaptation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dataset()  # six actors in three folds
    config = bundle_config(features=data.specs)
    random = np.random.default_rng(1)
    predictions = predictions_frame(data, random.dirichlet(np.ones(8), len(data)))
    result = adapt_audio(settings(), data, predictions, config, tmp_path)
    assert isinstance(result, str)  # where one fold is unseen, four actors are left
    assert "6 speakers are needed" in result
    assert not (tmp_path / ADAPTATION_FILE).exists()
    with monkeypatch.context() as patch:
        patch.setattr(speaker_space, "MIN_SPEAKERS", 4)
        result = adapt_audio(settings(), data, predictions, config, tmp_path)
    assert isinstance(result, AdaptationResult)
    adaptation = Adaptation.read(tmp_path / ADAPTATION_FILE)
    assert (adaptation.feature, adaptation.classes) == ("whisper_stats", EMOTIONS)
    assert (result.trust, result.weight) == (adaptation.trust, adaptation.weight)
    assert result.uar["none"].actors == 6
    config.model_copy(update={"adaptation": result}).write(tmp_path / CONFIG_FILE)
    assert Bundle(tmp_path).config.adaptation == result
    reason = adapt_audio(settings(), data, None, config, tmp_path)
    assert reason == "there are no predictions to choose by"
    unheard = bundle_config(features={})
    reason = adapt_audio(settings(), data, predictions, unheard, tmp_path)
    assert reason == "the model has no feature of sound to adapt by"
