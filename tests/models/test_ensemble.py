import keras
import numpy as np
import pytest

from avemo.emotions import EMOTIONS
from avemo.evaluation import calibration
from avemo.models import bundle, preprocessing
from avemo.models.ensemble import tta_average, weighted_ensemble
from avemo.models.hypermodel import Architectures

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
for place, copy in enumerate(VIEWS["whisper"]):
    FEATURES[copy] = [clip[place:] * np.float32(1.5 - place) for clip in FEATURES["whisper"]]
    PREPROCESSORS[copy] = PREPROCESSORS["whisper"]
INPUTS = {name: made.apply(FEATURES[name]) for name, made in PREPROCESSORS.items()}

LINEAR = {"architecture": "whisper_linear"}
HEAD = {"architecture": "whisper", "whisper/convolutions": 1, "whisper/width": 96}


def member(values, seed):
    """A network whose every weight is drawn, so that none is one or zero by chance."""
    keras.utils.set_random_seed(seed)
    names = ["whisper", "whisper_linear"]
    made = Architectures("audio", names, PREPROCESSORS, {}).build_from(values)
    draw = np.random.default_rng(seed)
    made.set_weights([w + draw.normal(0, 0.2, w.shape) for w in made.get_weights()])
    return made


def answers(network):
    own = {name: INPUTS[name] for name in network.input}
    return np.asarray(network.predict(own, verbose=0))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize(
    ("configurations", "shares"),
    [
        ([LINEAR, LINEAR], [0.5, 0.5]),
        ([LINEAR, HEAD], [0.5, 0.5]),
        ([HEAD, LINEAR, HEAD], [0.25, 0.6, 0.15]),
        ([HEAD], [1.0]),
    ],
    ids=["alike", "of different features", "three", "one"],
)
def test_it_answers_the_mean_of_its_members_under_the_temperature(
    configurations, shares, temperature
):
    members = [member(values, seed) for seed, values in enumerate(configurations)]
    joined = weighted_ensemble(members, shares, temperature)
    assert set(joined.input) == {name for one in members for name in one.input}
    mean = sum(share * answers(one) for one, share in zip(members, shares, strict=True))
    expected = calibration.apply_temperature(mean.astype(float), temperature)
    np.testing.assert_allclose(answers(joined), expected, rtol=1e-4, atol=1e-6)


def test_an_answer_without_doubt_and_without_a_chance():
    sure = member(LINEAR, 1)
    kernel, bias = sure.get_layer("emotion").get_weights()
    sure.get_layer("emotion").set_weights([kernel * 0, bias * 0 + 500 * np.eye(8, dtype="f")[3]])
    found = answers(weighted_ensemble([sure, sure], [0.5, 0.5], 2.0))
    np.testing.assert_allclose(found, calibration.apply_temperature(answers(sure), 2.0), atol=1e-6)
    assert np.isfinite(np.log(found)).all()


def test_asked_about_copies_it_answers_the_mean():
    alone = member(HEAD, 1)
    asked = tta_average(alone, VIEWS)
    assert set(asked.input) == {"whisper", "slower", "faster"}
    takes = [INPUTS[name] for name in ("whisper", "slower", "faster")]
    each = [alone.predict({"whisper": take}, verbose=0) for take in takes]
    np.testing.assert_allclose(answers(asked), np.mean(each, axis=0), rtol=1e-4, atol=1e-6)
    assert np.ptp(each, axis=0).max() > 0.01  # the copies are heard


def test_without_copies_it_stays_as_it_is():
    alone = member(LINEAR, 1)
    assert tta_average(alone, {}) is alone


def test_it_survives_its_folder(tmp_path):
    members = [tta_average(member(HEAD, 1), VIEWS), tta_average(member(HEAD, 3), VIEWS)]
    joined = weighted_ensemble([*members, member(LINEAR, 2)], [0.3, 0.2, 0.5], 1.5)
    kept = {name: PREPROCESSORS[name] for name in joined.input}
    bundle.write(tmp_path, joined, kept, {"classes": list(EMOTIONS)})
    loaded = bundle.Bundle(tmp_path)
    assert loaded.preprocessors == kept
    found = loaded.probabilities(FEATURES)
    np.testing.assert_allclose(found, answers(joined), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
