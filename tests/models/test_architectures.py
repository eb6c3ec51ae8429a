from collections.abc import Sequence
from pathlib import Path

import keras_tuner
import numpy as np
import pytest
from helpers.bundles import bundle_config
from numpy.typing import NDArray

from avemo import models
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import AvemoError
from avemo.features.arrays import Array
from avemo.modalities import Modality, Unimodal
from avemo.models import bundle, preprocessing
from avemo.models.architecture import Architecture, load_architecture
from avemo.models.hypermodel import Architectures
from avemo.models.preprocessing import SequencePreprocessor
from avemo.pretrained.expression_mobilenet import MEAN_FEATURE
from avemo.records import Configuration

pytestmark = pytest.mark.slow

Branches = dict[Unimodal, Configuration]

CLIPS = 6
#: what the visual branch of a fusion takes
VISUAL = {
    "expression",
    "expression_probabilities",
    "geometry",
    "visual_log_probabilities",
    MEAN_FEATURE,
}
LABELS = np.eye(len(EMOTIONS), dtype="f")[np.arange(CLIPS) % len(EMOTIONS)]


def architecture_names(modality: Modality) -> list[str]:
    folder = Path(models.__file__).parent / ("fusion" if modality == "fused" else modality)
    return sorted(file.stem for file in folder.glob("[a-z]*.py"))


UNIMODAL: tuple[Unimodal, ...] = ("audio", "visual")
SINGLE = [(kind, name) for kind in UNIMODAL for name in architecture_names(kind)]


def random_clips(feature: str) -> list[Array]:
    """Return clips of a feature: images over time, one row of statistics, else rows over time."""
    draw = np.random.default_rng(1)
    if feature == "crops":
        return [draw.integers(0, 256, (2, 32, 32, 3), np.uint8) for _ in range(CLIPS)]
    if feature.endswith("_log_probabilities"):
        return [np.log(draw.dirichlet(np.ones(8), 1)).astype("f") for _ in range(CLIPS)]
    if feature == "openface":
        return [draw.random((1, 35), np.float32) for _ in range(CLIPS)]
    if feature.endswith("_stats"):
        return [draw.normal(size=(1, 80)).astype("f") for _ in range(CLIPS)]
    if feature == MEAN_FEATURE:
        return [draw.dirichlet(np.ones(7), 1).astype("f") for _ in range(CLIPS)]
    columns = 5 * 384 if feature == "whisper" else 16
    return [draw.normal(size=(14 + clip, columns)).astype("f") for clip in range(CLIPS)]


class Network:
    """A network of one architecture, with its preprocessors and inputs."""

    def __init__(
        self,
        modality: Modality,
        name: str,
        branches: Branches | None = None,
        values: Configuration | None = None,
    ) -> None:
        branches = branches or {}
        space = Architectures(modality, [name], {}, branches, classes=EMOTIONS)
        self.features = {feature: random_clips(feature) for feature in space.inputs(name)}
        self.preprocessors = {f: preprocessing.fit(clips) for f, clips in self.features.items()}
        self.preprocessors |= {
            feature: SequencePreprocessor.unscaled(columns)
            for feature, columns in space.unscaled_inputs(name).items()
        }
        self.inputs = {f: p.apply(self.features[f]) for f, p in self.preprocessors.items()}
        hp = keras_tuner.HyperParameters()
        hp.values |= {f"{name}/{key}": value for key, value in (values or {}).items()}
        self.model = Architectures(
            modality, [name], self.preprocessors, branches, classes=EMOTIONS
        ).build(hp)
        self.model.run_eagerly = True  # quicker for one step than a graph

    def train_one_step(self) -> None:
        self.model.fit(self.inputs, LABELS, epochs=1, batch_size=CLIPS, verbose=0)

    def weights(self) -> list[NDArray[np.float32]]:
        return [weight.copy() for weight in self.model.get_weights()]


BRANCHES: dict[str, Branches] = {
    "random weights": {"audio": {"architecture": "lstm"}, "visual": {"architecture": "cnn"}},
    "pretrained": {
        "audio": {"architecture": "whisper", "whisper/width": 96},
        "visual": {"architecture": "expression", "expression/pooling": "mean"},
    },
}


def changed_weights(
    before: Sequence[NDArray[np.float32]], after: Sequence[NDArray[np.float32]]
) -> list[bool]:
    return [not np.array_equal(old, new) for old, new in zip(before, after, strict=True)]


def check_saved_and_loaded(network: Network, folder: Path) -> None:
    bundle.write(folder, network.model, network.preprocessors, bundle_config(temperature=1.5))
    loaded = bundle.Bundle(folder)
    assert loaded.config.temperature == 1.5
    assert loaded.preprocessors == network.preprocessors
    probabilities = loaded.probabilities(network.features)
    assert probabilities.shape == (CLIPS, len(EMOTIONS))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    expected = network.model.predict(network.inputs, verbose=0)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


@pytest.mark.parametrize(("modality", "name"), SINGLE)
def test_an_architecture_learns_and_is_loaded_as_it_was_saved(
    tmp_path: Path, modality: Unimodal, name: str
) -> None:
    network = Network(modality, name)
    before = network.weights()
    network.train_one_step()
    assert any(changed_weights(before, network.weights()))
    assert list(network.inputs) == list(load_architecture(modality, name).inputs)
    check_saved_and_loaded(network, tmp_path)


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
def test_every_weight_of_a_head_on_whisper_learns(tmp_path: Path, values: Configuration) -> None:
    check_every_weight_learns(Network("audio", "whisper", values=values), tmp_path)


@pytest.mark.parametrize("pooling", ["mean", "attention", "recurrent"])
def test_every_weight_of_a_head_on_expressions_learns(tmp_path: Path, pooling: str) -> None:
    check_every_weight_learns(
        Network("visual", "expression", values={"pooling": pooling, "width": 32}), tmp_path
    )


def check_every_weight_learns(network: Network, folder: Path) -> None:
    before = network.weights()
    network.train_one_step()
    assert all(changed_weights(before, network.weights()))
    check_saved_and_loaded(network, folder)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("pooling", ["attention", "mean"])
@pytest.mark.parametrize("convolutions", [0, 2])
def test_padding_of_sound_changes_no_probability(
    recurrent: bool, pooling: str, convolutions: int
) -> None:
    values: Configuration = {"recurrent": recurrent, "pooling": pooling}
    values |= {"convolutions": convolutions, "width": 96}
    check_padding_changes_nothing("audio", "whisper", values)


@pytest.mark.parametrize("pooling", ["mean", "attention", "recurrent"])
def test_padding_of_faces_changes_no_probability(pooling: str) -> None:
    check_padding_changes_nothing("visual", "expression", {"pooling": pooling, "width": 32})


def test_padding_of_a_backbone_s_features_changes_no_probability() -> None:
    check_padding_changes_nothing("visual", "backbone", {})


def check_padding_changes_nothing(modality: Modality, name: str, values: Configuration) -> None:
    """Compare a head of random weights, as if it had learnt, on clips of several lengths."""
    values = {f"{name}/{key}": value for key, value in values.items()}
    clip = {f: random_clips(f)[0] for f in load_architecture(modality, name).inputs}
    weights = None
    probabilities = []
    for padding in (0, 1, 9):
        inputs = {f: np.pad(rows, ((0, padding), (0, 0)))[None] for f, rows in clip.items()}
        preprocessors = {
            f: preprocessing.SequencePreprocessor(rows.shape[1], *([[0.5] * rows.shape[2]] * 2))
            for f, rows in inputs.items()
        }
        model = Architectures(modality, [name], preprocessors, {}, classes=EMOTIONS).build_from(
            values
        )
        draw = np.random.default_rng(2)
        weights = weights or [w + draw.normal(0, 0.1, w.shape) for w in model.get_weights()]
        model.set_weights(weights)
        probabilities.append(model(inputs).numpy())
    np.testing.assert_allclose(probabilities[1:], probabilities[:1] * 2, atol=1e-5)


@pytest.mark.parametrize("branches", BRANCHES)
@pytest.mark.parametrize("name", architecture_names("fused"))
def test_a_fusion_learns_and_is_loaded_as_it_was_saved(
    tmp_path: Path, name: str, branches: str
) -> None:
    network = Network("fused", name, BRANCHES[branches])
    before = network.weights()
    network.train_one_step()
    assert any(changed_weights(before, network.weights()))
    check_saved_and_loaded(network, tmp_path)


@pytest.mark.parametrize("name", architecture_names("fused"))
def test_a_fusion_predicts_without_a_modality(name: str) -> None:
    network = Network("fused", name, BRANCHES["pretrained"], {"modality_dropout": 0.0})
    visual = [feature for feature in network.inputs if feature in VISUAL]
    audio = [feature for feature in network.inputs if feature not in VISUAL]
    complete = network.model(network.inputs).numpy()
    for missing in (visual, audio):
        zeros = {feature: np.zeros_like(network.inputs[feature]) for feature in missing}
        probabilities = network.model(network.inputs | zeros).numpy()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        assert np.abs(probabilities - complete).max() > 1e-3


def test_branches_are_augmented_as_their_modality_alone() -> None:
    copies = list(load_architecture("audio", "whisper").augmentations["whisper"])
    space = Architectures(
        "fused", ["modules"], {}, BRANCHES["pretrained"], copies, classes=EMOTIONS
    )
    augmentation = space.augmentation_for({"architecture": "modules"})
    assert augmentation.copies == {"whisper": copies}


def test_stacking_starts_as_the_geometric_mean() -> None:
    network = Network("fused", "stacking")
    logs = {feature: rows[:, 0] for feature, rows in network.inputs.items()}
    product = np.exp(sum(logs.values()) / 2)
    expected = product / product.sum(axis=1, keepdims=True)
    probabilities = network.model.predict(network.inputs, verbose=0)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_every_architecture_of_a_search_space_can_be_built() -> None:
    preprocessors = {
        "mfcc": preprocessing.SequencePreprocessor(8, [0.0] * 4, [1.0] * 4),
        "logmel": preprocessing.SequencePreprocessor(16, [0.0] * 16, [1.0] * 16),
    }
    space = Architectures("audio", ["lstm", "cnn"], preprocessors, {}, classes=EMOTIONS)
    for name, feature in (("lstm", "mfcc"), ("cnn", "logmel")):
        model = space.build_from({"architecture": name})
        assert (model.name, list(model.input)) == (f"audio_{name}", [feature])


def test_an_architecture_without_embed_is_no_architecture() -> None:
    incomplete = type("Incomplete", (Architecture,), {"inputs": ("mfcc",)})
    with pytest.raises(TypeError, match=r"abstract method '?embed"):
        incomplete()


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(AvemoError, match=r"there is no .*bundle\.json"):
        _ = bundle.Bundle(tmp_path).config
