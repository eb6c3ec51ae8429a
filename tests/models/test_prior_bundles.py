"""The untrained prior of a modality as a bundle, loaded in a process that did not build it."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.bundles import bundle_config

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features.spec import FeatureSpec
from avemo.models import bundle
from avemo.models.preprocessing import SequencePreprocessor
from avemo.models.prior import write_prior
from avemo.pretrained.expression_mobilenet import MEAN_FEATURE, class_shares
from avemo.records import TrainedOn

SPEC = FeatureSpec(extractor="expression", version=3, settings={"trim_ratio": 0.125})
SOUND = FeatureSpec(extractor="whisper", version=1, settings={})
TRAINED = bundle_config(modality="visual", temperature=2.0)


def audio_bundle(folder: Path) -> bundle.Bundle:
    keras.utils.set_random_seed(1)
    tensor = keras.Input((1, 5), name="whisper_stats")
    x = keras.layers.Dense(len(EMOTIONS), activation="softmax")(keras.layers.Flatten()(tensor))
    folder.mkdir()
    preprocessors = {"whisper_stats": SequencePreprocessor.unscaled(5)}
    config = bundle_config(features={"whisper_stats": SOUND})
    bundle.write(folder, keras.Model({"whisper_stats": tensor}, x), preprocessors, config)
    return bundle.Bundle(folder)


def test_of_the_face(tmp_path: Path) -> None:
    prior = write_prior(tmp_path / "a" / "visual", "visual", TRAINED, SPEC)
    assert (prior.config.untrained, prior.config.temperature) == (True, 1.0)
    assert prior.config.trained_on == TrainedOn(performances=0, actors=0)
    clips = list(np.random.default_rng(1).dirichlet(np.ones(7), (9, 1)).astype("f"))
    expected = np.concatenate(clips) @ class_shares(EMOTIONS)
    np.testing.assert_allclose(prior.probabilities({MEAN_FEATURE: clips}), expected, atol=1e-6)


@pytest.mark.slow
def test_of_sound_and_face_it_is_the_product(tmp_path: Path) -> None:
    audio = audio_bundle(tmp_path / "audio")
    trained = bundle_config(modality="fused")
    prior = write_prior(tmp_path / "fused", "fused", trained, SPEC, audio)
    assert prior.config.trained_on == audio.config.trained_on
    assert set(prior.config.features) == {"whisper_stats", MEAN_FEATURE}
    random = np.random.default_rng(1)
    sound = list(random.normal(size=(4, 1, 5)).astype("f"))
    faces = list(random.dirichlet(np.ones(7), (4, 1)).astype("f"))
    product = audio.probabilities({"whisper_stats": sound})
    product *= np.concatenate(faces) @ class_shares(EMOTIONS)
    expected = product / product.sum(axis=1, keepdims=True)
    features = {"whisper_stats": sound, MEAN_FEATURE: faces}
    np.testing.assert_allclose(prior.probabilities(features), expected, atol=1e-5)
    file = str(prior.folder / "model.keras")
    code = f"import keras; keras.models.load_model({file!r}, compile=False)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
