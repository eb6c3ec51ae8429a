from importlib import import_module
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from avemo import models
from avemo.corpus.ravdess import EMOTIONS
from avemo.models import bundle, ensemble, inputs
from avemo.models.hypermodel import Architectures

pytestmark = pytest.mark.slow

CLIPS = 6
LABELS = np.eye(len(EMOTIONS), dtype="f")[np.arange(CLIPS) % len(EMOTIONS)]


def names(modality):
    folder = Path(models.__file__).parent / modality
    return sorted(file.stem for file in folder.glob("[a-z]*.py"))


ALONE = [(modality, name) for modality in ("audio", "visual") for name in names(modality)]


def clips(feature):
    """Some clips of a feature: pictures over time, one row of statistics, else rows over time."""
    draw = np.random.default_rng(1)
    if feature == "crops":
        return [draw.integers(0, 256, (2, 32, 32, 3), np.uint8) for _ in range(CLIPS)]
    if feature.endswith("_stats"):
        return [draw.normal(size=(1, 80)).astype("f") for _ in range(CLIPS)]
    columns = 5 * 8 if feature == "whisper" else 16
    return [draw.normal(size=(14 + clip, columns)).astype("f") for clip in range(CLIPS)]


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


class Joined(Made):
    """A network of several members, as the stage `train` joins them."""

    def __init__(self, members):
        for name in ("features", "preparations", "inputs"):
            setattr(self, name, {k: v for one in members for k, v in getattr(one, name).items()})
        shares = [1 / len(members)] * len(members)
        self.network = ensemble.join([one.network for one in members], shares, 1.5)


MEMBERS = {
    "one member": {"audio": ["cnn"], "visual": ["cnn"]},
    "several": {
        "audio": ["whisper", "whisper_linear"],
        "visual": ["expression", "expression_linear"],
    },
}


@pytest.fixture(scope="module", params=MEMBERS)
def parts(request, tmp_path_factory):
    """Trained models as the fused stage gets them: from their folders."""
    made = {}
    for modality, chosen in MEMBERS[request.param].items():
        members = [Made(modality, name) for name in chosen]
        for one in members:
            one.step()
        made[modality] = Joined(members)
        made[modality].heads = len(members)
        folder = tmp_path_factory.mktemp(modality)
        bundle.write(folder, made[modality].network, made[modality].preparations, {})
        made[modality].network = bundle.Bundle(folder).network
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


@pytest.mark.parametrize(
    "values",
    [
        {"states": "weighted"},
        {"recurrent": True},
        {"pooling": "mean"},
        {"convolutions": 0},
        {"states": "weighted", "recurrent": True, "pooling": "mean", "width": 96},
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


@pytest.mark.parametrize("states", ["all", "weighted"])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("pooling", ["attention", "mean"])
@pytest.mark.parametrize("convolutions", [0, 2])
def test_what_fills_a_sound_up_does_not_alter_its_answer(states, recurrent, pooling, convolutions):
    values = {"states": states, "recurrent": recurrent, "pooling": pooling}
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
        shapes = {key: array.shape[1:] for key, array in filled.items()}
        network = Architectures(modality, [name], shapes, {}).configured(values)
        draw = np.random.default_rng(2)
        weights = weights or [w + draw.normal(0, 0.1, w.shape) for w in network.get_weights()]
        network.set_weights(weights)
        answers.append(network(filled).numpy())
    np.testing.assert_allclose(answers[1:], answers[:1] * 2, atol=1e-5)


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
    for name, weights in before.items():  # all but the members' heads, which are the last layers
        assert same(weights, originals[name][: len(weights)])
        assert len(weights) == len(originals[name]) - 2 * parts[name].heads
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
