from pathlib import Path

import keras_tuner
import numpy as np
import pytest

from avemo import models
from avemo.emotions import EMOTIONS
from avemo.models import bundle, preprocessing
from avemo.models.architecture import load_architecture
from avemo.models.hypermodel import Architectures

pytestmark = pytest.mark.slow

CLIPS = 6
#: what the visual part of a fused architecture takes
SEEN = {"expression", "expression_probabilities", "geometry", "visual_log_probabilities"}
LABELS = np.eye(len(EMOTIONS), dtype="f")[np.arange(CLIPS) % len(EMOTIONS)]


def names(modality):
    folder = Path(models.__file__).parent / ("fusion" if modality == "fused" else modality)
    return sorted(file.stem for file in folder.glob("[a-z]*.py"))


ALONE = [(modality, name) for modality in ("audio", "visual") for name in names(modality)]


def clips(feature):
    """Some clips of a feature: pictures over time, one row of statistics, else rows over time."""
    draw = np.random.default_rng(1)
    if feature == "crops":
        return [draw.integers(0, 256, (2, 32, 32, 3), np.uint8) for _ in range(CLIPS)]
    if feature.endswith("_log_probabilities"):
        return [np.log(draw.dirichlet(np.ones(8), 1)).astype("f") for _ in range(CLIPS)]
    if feature.endswith("_stats"):
        return [draw.normal(size=(1, 80)).astype("f") for _ in range(CLIPS)]
    columns = 5 * 384 if feature == "whisper" else 16
    return [draw.normal(size=(14 + clip, columns)).astype("f") for clip in range(CLIPS)]


class Made:
    """A network of one architecture, its preprocessors and its inputs."""

    def __init__(self, modality, name, parts=None, **values):
        parts = parts or {}
        features = Architectures(modality, [name], {}, parts).inputs(name)
        self.features = {feature: clips(feature) for feature in features}
        self.preprocessors = {f: preprocessing.fit(each) for f, each in self.features.items()}
        self.inputs = {f: made.apply(self.features[f]) for f, made in self.preprocessors.items()}
        hp = keras_tuner.HyperParameters()
        hp.values |= {f"{name}/{key}": value for key, value in values.items()}
        self.network = Architectures(modality, [name], self.preprocessors, parts).build(hp)
        self.network.run_eagerly = True  # quicker for one step than a graph

    def step(self):
        self.network.fit(self.inputs, LABELS, epochs=1, batch_size=CLIPS, verbose=0)

    def weights(self):
        return [weight.copy() for weight in self.network.get_weights()]


PARTS = {
    "from nothing": {"audio": {"architecture": "lstm"}, "visual": {"architecture": "cnn"}},
    "pretrained": {
        "audio": {"architecture": "whisper", "whisper/width": 96},
        "visual": {"architecture": "expression", "expression/pooling": "mean"},
    },
}


def same(some, others):
    assert len(some) == len(others)
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def goes_through_its_folder(made, folder):
    bundle.write(folder, made.network, made.preprocessors, {"classes": list(EMOTIONS)})
    loaded = bundle.Bundle(folder)
    assert loaded.exists
    assert loaded.description["classes"] == list(EMOTIONS)
    assert loaded.preprocessors == made.preprocessors
    found = loaded.probabilities(made.features)
    assert found.shape == (CLIPS, len(EMOTIONS))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found, made.network.predict(made.inputs, verbose=0), atol=1e-6)


@pytest.mark.parametrize(("modality", "name"), ALONE)
def test_an_architecture_learns_and_survives_its_folder(tmp_path, modality, name):
    made = Made(modality, name)
    before = made.weights()
    made.step()
    assert not same(before, made.weights())
    assert list(made.inputs) == list(load_architecture(modality, name).inputs)
    goes_through_its_folder(made, tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"masked": 0.1},
        {"recurrent": True},
        {"pooling": "mean"},
        {"convolutions": 0},
        {"masked": 0.2, "recurrent": True, "pooling": "mean", "width": 96},
    ],
    ids=str,
)
def test_each_head_on_whisper_s_states_learns_and_survives_its_folder(tmp_path, values):
    learns_and_survives(Made("audio", "whisper", **values), tmp_path)


@pytest.mark.parametrize("pooling", ["mean", "attention", "recurrent"])
def test_each_head_on_expressions_learns_and_survives_its_folder(tmp_path, pooling):
    learns_and_survives(Made("visual", "expression", pooling=pooling, width=32), tmp_path)


def learns_and_survives(made, folder):
    before = made.weights()
    made.step()
    changed = [not np.array_equal(*both) for both in zip(before, made.weights(), strict=True)]
    assert all(changed)
    goes_through_its_folder(made, folder)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("pooling", ["attention", "mean"])
@pytest.mark.parametrize("convolutions", [0, 2])
def test_what_fills_a_sound_up_does_not_alter_its_answer(recurrent, pooling, convolutions):
    values = {"recurrent": recurrent, "pooling": pooling}
    values |= {"convolutions": convolutions, "width": 96}
    filling_up_does_not_alter_the_answer("audio", "whisper", values)


@pytest.mark.parametrize("pooling", ["mean", "attention", "recurrent"])
def test_what_fills_a_film_up_does_not_alter_its_answer(pooling):
    filling_up_does_not_alter_the_answer("visual", "expression", {"pooling": pooling, "width": 32})


def test_what_fills_a_film_up_does_not_alter_what_a_backbone_says():
    filling_up_does_not_alter_the_answer("visual", "backbone", {})


def filling_up_does_not_alter_the_answer(modality, name, values):
    """A head, each of its weights drawn, as if it had learnt."""
    values = {f"{name}/{key}": value for key, value in values.items()}
    given = {
        feature: clips(feature)[0]
        for feature in Architectures(modality, [name], {}, {}).inputs(name)
    }
    weights = None
    answers = []
    for more in (0, 1, 9):
        filled = {key: np.pad(clip, ((0, more), (0, 0)))[None] for key, clip in given.items()}
        made = {
            key: preprocessing.SequencePreprocessor(array.shape[1], *([[0.5] * array.shape[2]] * 2))
            for key, array in filled.items()
        }
        network = Architectures(modality, [name], made, {}).build_from(values)
        draw = np.random.default_rng(2)
        weights = weights or [w + draw.normal(0, 0.1, w.shape) for w in network.get_weights()]
        network.set_weights(weights)
        answers.append(network(filled).numpy())
    np.testing.assert_allclose(answers[1:], answers[:1] * 2, atol=1e-5)


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("name", names("fused"))
def test_a_fused_architecture_learns_and_survives_its_folder(tmp_path, name, parts):
    made = Made("fused", name, PARTS[parts])
    before = made.weights()
    made.step()
    assert not same(before, made.weights())
    goes_through_its_folder(made, tmp_path)


@pytest.mark.parametrize("name", names("fused"))
def test_a_fused_architecture_answers_without_a_modality(name):
    made = Made("fused", name, PARTS["pretrained"], modality_dropout=0.0)
    seen = [key for key in made.inputs if key in SEEN]
    heard = [key for key in made.inputs if key not in seen]
    whole = made.network(made.inputs).numpy()
    for missing in (seen, heard):
        gone = {key: np.zeros_like(made.inputs[key]) for key in missing}
        found = made.network(made.inputs | gone).numpy()
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        assert np.abs(found - whole).max() > 1e-3


def test_the_modules_learn_from_copies_as_they_do_alone():
    known = list(load_architecture("audio", "whisper").augmentations["whisper"])
    made = Made("fused", "modules", PARTS["pretrained"])
    networks = Architectures("fused", ["modules"], made.preprocessors, PARTS["pretrained"], known)
    assert networks.augmentation_for({"architecture": "modules"}).copies == {"whisper": known}


def test_answers_are_fused_as_their_geometric_mean_at_first():
    made = Made("fused", "late")
    logs = {key: array[:, 0] for key, array in made.inputs.items()}
    product = np.exp(sum(logs.values()) / 2)
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made.network.predict(made.inputs, verbose=0), expected, atol=1e-5)


def test_each_architecture_of_a_search_space_can_be_chosen():
    made = {"mfcc": preprocessing.SequencePreprocessor(8, [0.0] * 4, [1.0] * 4)}
    made |= {"logmel": preprocessing.SequencePreprocessor(16, [0.0] * 16, [1.0] * 16)}
    space = Architectures("audio", ["lstm", "cnn"], made, {})
    for name, feature in (("lstm", "mfcc"), ("cnn", "logmel")):
        hp = keras_tuner.HyperParameters()
        hp.values["architecture"] = name
        network = space.build(hp)
        assert (network.name, list(network.input)) == (f"audio_{name}", [feature])


def test_a_folder_without_a_model(tmp_path):
    assert not bundle.Bundle(tmp_path).exists
