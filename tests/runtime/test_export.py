"""A graph computes what its Keras network computes, for every architecture that there is.

`pytest -s` on this file prints the largest difference of each.
"""

from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from helpers.bundles import bundle_config

from avemo import models
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features.arrays import Array
from avemo.modalities import MODALITIES, Modality, Unimodal
from avemo.models import bundle, preprocessing
from avemo.models.architecture import load_architecture
from avemo.models.end_to_end import build_end_to_end
from avemo.models.ensemble import weighted_ensemble
from avemo.models.hypermodel import Architectures
from avemo.pretrained.expression_mobilenet import MEAN_FEATURE
from avemo.records import Configuration
from avemo.runtime.export import export
from avemo.runtime.graph import GRAPH_FILE
from avemo.training import fusion

pytestmark = pytest.mark.slow

#: rows of a clip, of which the network takes some twenty
LENGTHS = (14, 1, 5, 30, 20, 20, 20)
TEMPERATURE = 0.7
#: what fusions join: which does not matter here, because each is exported by itself too
BRANCHES: dict[Unimodal, Configuration] = {
    "audio": {"architecture": "whisper_linear"},
    "visual": {"architecture": "expression_linear"},
}


def architecture_names(modality: Modality) -> list[str]:
    folder = Path(models.__file__).parent / ("fusion" if modality == "fused" else modality)
    return sorted(file.stem for file in folder.glob("[a-z]*.py"))


def random_clips(feature: str) -> list[Array]:
    draw = np.random.default_rng(1)
    if feature == "crops":
        return [draw.integers(0, 256, (min(n, 3), 32, 32, 3), np.uint8) for n in LENGTHS]
    if feature.endswith("_log_probabilities"):
        return [np.log(draw.dirichlet(np.ones(8), 1)).astype("f") for _ in LENGTHS]
    if feature == MEAN_FEATURE:
        return [draw.dirichlet(np.ones(7), 1).astype("f") for _ in LENGTHS]
    if feature == "openface":
        return [draw.random((1, 35), np.float32) for _ in LENGTHS]
    rows = [1] * len(LENGTHS) if feature.endswith("_stats") else LENGTHS
    columns = 64 if feature == "logmel" else 40
    return [draw.normal(size=(n, columns)).astype("f") for n in rows]


def preprocessors_of(features: list[str]) -> dict[str, preprocessing.Preprocessor]:
    return {feature: preprocessor_of(feature) for feature in features}


def preprocessor_of(feature: str) -> preprocessing.Preprocessor:
    if feature in (MEAN_FEATURE, "openface"):  # as the search does
        columns = random_clips(feature)[0].shape[-1]
        return preprocessing.SequencePreprocessor.unscaled(columns)
    return preprocessing.fit(random_clips(feature))


def variants(space: Architectures) -> list[Configuration]:
    """Return configurations in which each choice of layers occurs; sizes are the smallest."""
    if "embed" not in vars(type(load_architecture(space.modality, *space.names))):
        return [{}]  # another architecture's, with other inputs
    hp = keras_tuner.HyperParameters()
    space.build(hp)
    choices = {}
    for parameter in hp.space:
        values = list(getattr(parameter, "values", [parameter.default]))
        counted = isinstance(parameter, keras_tuner.engine.hyperparameters.Int)
        numbers = all(type(value) in (int, float) for value in values)
        choices[parameter.name] = values[:1] if numbers and not counted else values
    count = max(map(len, choices.values()))
    return [{name: v[min(at, len(v) - 1)] for name, v in choices.items()} for at in range(count)]


def ensemble(space: Architectures, configurations: list[Configuration]) -> keras.Model:
    """Return the ensemble as training makes it, with weights as if it had learnt."""
    keras.utils.set_random_seed(1)
    draw = np.random.default_rng(2)
    members = []
    for configuration in configurations:
        network = space.build_from(configuration)
        network.set_weights([w + draw.normal(0, 0.15, w.shape) for w in network.get_weights()])
        members.append(network)
    # the last alone sees copies of the clip: they go through the same layers
    members[-1] = space.with_tta(members[-1], *space.names)
    weights = draw.dirichlet(np.ones(len(members)))
    return weighted_ensemble(members, [float(weight) for weight in weights], TEMPERATURE)


def search_space(
    modality: Modality, name: str, branches: dict[Unimodal, Configuration]
) -> Architectures:
    space = Architectures(modality, [name], {}, branches, classes=EMOTIONS)
    copies = [copy for copies in space.augmentations(name).values() for copy in copies]
    space = Architectures(modality, [name], {}, branches, copies, classes=EMOTIONS)
    space.preprocessors = preprocessors_of(space.inference_features(name))
    return space


def write_bundle(folder: Path, network: keras.Model) -> bundle.Bundle:
    folder.mkdir(exist_ok=True)
    bundle.write(folder, network, preprocessors_of(list(network.input)), bundle_config())
    return bundle.Bundle(folder)


def end_to_end(network: keras.Model, folder: Path) -> keras.Model:
    branches = {}
    for modality, configuration in BRANCHES.items():
        space = search_space(modality, str(configuration["architecture"]), {})
        branch = ensemble(space, [configuration])
        branches[modality] = write_bundle(folder / modality, branch)
    return build_end_to_end(network, branches)


def without_a_modality(features: dict[str, list[Array]]) -> dict[str, list[Array]]:
    """Return the clips, of which the second to last is silent and the last has no picture."""
    silenced = {}
    for name, clips in features.items():
        empty = preprocessing.fit(clips).empty
        last = [empty, clips[-1]] if name.startswith("whisper") else [clips[-2], empty]
        silenced[name] = [*clips[:-2], *last]
    return silenced


@pytest.mark.parametrize(
    ("modality", "name"),
    [(kind, name) for kind in MODALITIES for name in architecture_names(kind)],
)
def test_a_graph_computes_what_keras_does(tmp_path: Path, modality: Modality, name: str) -> None:
    space = search_space(modality, name, BRANCHES if name == "modules" else {})
    network = ensemble(space, variants(space))
    if name in fusion.OF_PREDICTIONS:
        network = end_to_end(network, tmp_path)
    model = write_bundle(tmp_path / "bundle", network)
    features = {feature: random_clips(feature) for feature in model.preprocessors}
    if modality == "fused":
        features = without_a_modality(features)
    expected = model.probabilities(features)
    assert np.ptp(expected, axis=0).max() > 0.1, "the clips are told apart"
    export(model.network, model.folder / GRAPH_FILE)
    together = model.probabilities(features)
    alone = [
        model.probabilities({feature: [clips[at]] for feature, clips in features.items()})[0]
        for at in range(len(LENGTHS))
    ]
    difference = max(np.abs(other - expected).max() for other in (together, alone))
    print(f"{modality:8} {name:20} {difference:.1e}")
    assert difference < 1e-5
    assert (together.argmax(axis=1) == expected.argmax(axis=1)).all()
