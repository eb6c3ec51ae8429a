from importlib import import_module
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from avemo import models
from avemo.corpus.ravdess import EMOTIONS
from avemo.models import bundle, inputs
from avemo.models.hypermodel import Architectures

pytestmark = pytest.mark.slow

CLIPS = 6
LABELS = np.arange(CLIPS) % len(EMOTIONS)


def names(modality):
    folder = Path(models.__file__).parent / modality
    return sorted(file.stem for file in folder.glob("[a-z]*.py"))


ALONE = [(modality, name) for modality in ("audio", "visual") for name in names(modality)]


def clips(feature):
    """Some clips of a feature: faces are pictures over time, all else is rows over time."""
    draw = np.random.default_rng(1)
    if feature == "faces":
        return [draw.integers(0, 256, (2, 32, 32, 3), np.uint8) for _ in range(CLIPS)]
    return [draw.normal(size=(14 + clip, 16)).astype("f") for clip in range(CLIPS)]


class Made:
    """A network of one architecture, its preparations and its inputs."""

    def __init__(self, modality, name, parts=None, **values):
        parts = {part: made.network for part, made in (parts or {}).items()}
        features = Architectures(modality, [name], {}, parts).inputs(name)
        self.features = {feature: clips(feature) for feature in features}
        self.preparations = {f: inputs.fit(each) for f, each in self.features.items()}
        shapes = {f: made.shape for f, made in self.preparations.items()}
        self.inputs = {f: made.apply(self.features[f]) for f, made in self.preparations.items()}
        hp = keras_tuner.HyperParameters()
        hp.values |= {f"{name}/{key}": value for key, value in values.items()}
        self.network = Architectures(modality, [name], shapes, parts).build(hp)
        self.network.run_eagerly = True  # quicker for one step than a graph

    def step(self):
        self.network.fit(self.inputs, LABELS, epochs=1, batch_size=CLIPS, verbose=0)

    def weights(self):
        return [weight.copy() for weight in self.network.get_weights()]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Trained models as the fused stage gets them: from their folders."""
    made = {modality: Made(modality, names(modality)[0]) for modality in ("audio", "visual")}
    for modality, one in made.items():
        one.step()
        folder = tmp_path_factory.mktemp(modality)
        bundle.write(folder, one.network, one.preparations, {})
        one.network = bundle.Bundle(folder).network
    return made


def same(some, others):
    assert len(some) == len(others)
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def goes_through_its_folder(made, folder):
    bundle.write(folder, made.network, made.preparations, {"classes": list(EMOTIONS)})
    loaded = bundle.Bundle(folder)
    assert loaded.exists
    assert loaded.description["classes"] == list(EMOTIONS)
    assert loaded.preparations == made.preparations
    found = loaded.probabilities(made.features)
    assert found.shape == (CLIPS, len(EMOTIONS))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found, made.network.predict(made.inputs, verbose=0), atol=1e-6)
    assert loaded.network.get_layer("embedding").output.shape[1:] != ()


@pytest.mark.parametrize(("modality", "name"), ALONE)
def test_an_architecture_learns_and_survives_its_folder(tmp_path, modality, name):
    made = Made(modality, name)
    before = made.weights()
    made.step()
    assert not same(before, made.weights())
    assert list(made.inputs) == list(import_module(f"avemo.models.{modality}.{name}").INPUTS)
    goes_through_its_folder(made, tmp_path)


@pytest.mark.parametrize("name", names("fused"))
def test_a_fused_architecture_learns_and_survives_its_folder(tmp_path, parts, name):
    originals = [part.weights() for part in parts.values()]
    made = Made("fused", name, parts)
    assert set(made.inputs) == {feature for part in parts.values() for feature in part.inputs}
    before = made.weights()
    made.step()
    assert not same(before, made.weights())
    assert all(map(same, originals, [part.weights() for part in parts.values()]))
    goes_through_its_folder(made, tmp_path)


@pytest.mark.parametrize("learn", [False, True])
def test_the_parts_of_a_fused_model_learn_only_if_they_are_to(parts, learn):
    originals = {name: part.weights() for name, part in parts.items()}
    made = Made("fused", "modules", parts, train_parts=learn)
    inside = {name: made.network.get_layer(name) for name in parts}
    before = {name: [w.copy() for w in module.get_weights()] for name, module in inside.items()}
    for name, weights in before.items():  # all but the head, which is the last layer
        assert same(weights, originals[name][: len(weights)])
        assert len(weights) == len(originals[name]) - 2
    made.step()
    for name, module in inside.items():
        assert same(before[name], module.get_weights()) is not learn
        assert same(originals[name], parts[name].weights())


def test_a_part_that_does_not_learn_answers_as_it_does_alone_even_in_training(parts):
    made = Made("fused", "modules", parts, train_parts=False).network
    alone = [
        keras.Model(part.network.input, part.network.get_layer("embedding").output)(part.inputs)
        for part in parts.values()
    ]
    norms = [one for one in made.layers if isinstance(one, keras.layers.BatchNormalization)]
    joined = {name: array for part in parts.values() for name, array in part.inputs.items()}
    inside = keras.Model(made.input, [norm.input for norm in norms])(joined, training=True)
    for found, expected in zip(inside, alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_each_architecture_of_a_search_space_can_be_chosen():
    shapes = {"mfcc": (8, 4), "logmel": (16, 16)}
    space = Architectures("audio", ["lstm", "cnn"], shapes, {})
    for name, feature in (("lstm", "mfcc"), ("cnn", "logmel")):
        hp = keras_tuner.HyperParameters()
        hp.values["architecture"] = name
        network = space.build(hp)
        assert (network.name, list(network.input)) == (f"audio_{name}", [feature])


def test_a_folder_without_a_model(tmp_path):
    assert not bundle.Bundle(tmp_path).exists
