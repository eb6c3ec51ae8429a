from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.bundles import bundle_config
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import calibration
from avemo.models import bundle, preprocessing
from avemo.models.ensemble import tta_average, weighted_ensemble
from avemo.models.hypermodel import Architectures
from avemo.records import Configuration

pytestmark = pytest.mark.slow

CLIPS = 5
DRAW = np.random.default_rng(1)
FEATURES = {
    "whisper": [DRAW.normal(size=(4 + clip, 40)).astype("f") for clip in range(CLIPS)],
    "whisper_stats": [DRAW.normal(size=(1, 80)).astype("f") for _ in range(CLIPS)],
}
PREPROCESSORS = {name: preprocessing.fit(clips) for name, clips in FEATURES.items()}
#: altered copies of `whisper`
VIEWS = {"whisper": ["slower", "faster"]}
for index, view in enumerate(VIEWS["whisper"]):
    FEATURES[view] = [clip[index:] * np.float32(1.5 - index) for clip in FEATURES["whisper"]]
    PREPROCESSORS[view] = PREPROCESSORS["whisper"]
INPUTS = {name: p.apply(FEATURES[name]) for name, p in PREPROCESSORS.items()}

LINEAR: Configuration = {"architecture": "whisper_linear"}
HEAD: Configuration = {"architecture": "whisper", "whisper/convolutions": 1, "whisper/width": 96}


def build_member(configuration: Configuration, seed: int) -> keras.Model:
    """Return a network of random weights, so that none is one or zero by chance."""
    keras.utils.set_random_seed(seed)
    names = ["whisper", "whisper_linear"]
    network = Architectures("audio", names, PREPROCESSORS, {}, classes=EMOTIONS).build_from(
        configuration
    )
    draw = np.random.default_rng(seed)
    network.set_weights([w + draw.normal(0, 0.2, w.shape) for w in network.get_weights()])
    return network


def predict(network: keras.Model) -> NDArray[np.float32]:
    inputs = {name: INPUTS[name] for name in network.input}
    return np.asarray(network.predict(inputs, verbose=0))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize(
    ("configurations", "weights"),
    [
        ([LINEAR, LINEAR], [0.5, 0.5]),
        ([LINEAR, HEAD], [0.5, 0.5]),
        ([HEAD, LINEAR, HEAD], [0.25, 0.6, 0.15]),
        ([HEAD], [1.0]),
    ],
    ids=["alike", "of different features", "three", "one"],
)
def test_the_weighted_mean_of_the_members_under_the_temperature(
    configurations: list[Configuration], weights: list[float], temperature: float
) -> None:
    members = [build_member(values, seed) for seed, values in enumerate(configurations)]
    ensemble = weighted_ensemble(members, weights, temperature)
    assert set(ensemble.input) == {name for member in members for name in member.input}
    mean = np.average([predict(member) for member in members], axis=0, weights=weights)
    expected = calibration.apply_temperature(mean, temperature)
    np.testing.assert_allclose(predict(ensemble), expected, rtol=1e-4, atol=1e-6)


def test_probabilities_of_zero_and_one_stay_finite() -> None:
    certain = build_member(LINEAR, 1)
    kernel, bias = certain.get_layer("emotion").get_weights()
    logits = 500 * np.eye(8, dtype="f")[3]
    certain.get_layer("emotion").set_weights([kernel * 0, bias * 0 + logits])
    probabilities = predict(weighted_ensemble([certain, certain], [0.5, 0.5], 2.0))
    expected = calibration.apply_temperature(predict(certain), 2.0)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert np.isfinite(np.log(probabilities)).all()


def test_test_time_augmentation_is_the_mean_over_the_views() -> None:
    network = build_member(HEAD, 1)
    averaged = tta_average(network, VIEWS)
    assert set(averaged.input) == {"whisper", "slower", "faster"}
    views = [INPUTS[name] for name in ("whisper", "slower", "faster")]
    by_view = [network.predict({"whisper": view}, verbose=0) for view in views]
    np.testing.assert_allclose(predict(averaged), np.mean(by_view, axis=0), rtol=1e-4, atol=1e-6)
    assert np.ptp(by_view, axis=0).max() > 0.01  # the views differ


def test_without_views_the_network_stays_as_it_is() -> None:
    network = build_member(LINEAR, 1)
    assert tta_average(network, {}) is network


def test_an_ensemble_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    members = [tta_average(build_member(HEAD, seed), VIEWS) for seed in (1, 3)]
    ensemble = weighted_ensemble([*members, build_member(LINEAR, 2)], [0.3, 0.2, 0.5], 1.5)
    preprocessors = {name: PREPROCESSORS[name] for name in ensemble.input}
    bundle.write(tmp_path, ensemble, preprocessors, bundle_config())
    loaded = bundle.Bundle(tmp_path)
    assert loaded.preprocessors == preprocessors
    probabilities = loaded.probabilities(FEATURES)
    np.testing.assert_allclose(probabilities, predict(ensemble), atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
