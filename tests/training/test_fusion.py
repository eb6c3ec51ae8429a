"""A fusion is fitted to out-of-fold predictions, and is taken only where it is better."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from helpers.probabilities import PROBABILITIES
from helpers.training_task import (
    SPLIT_ID,
    dataset,
    make_project,
    predictions_of,
    search_result,
    settings,
)

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.datasets import Dataset
from avemo.errors import CorpusError
from avemo.evaluation import metrics
from avemo.evaluation.predictions import write_predictions
from avemo.modalities import Unimodal
from avemo.models import preprocessing
from avemo.models.end_to_end import build_end_to_end, feature_name
from avemo.models.ensemble import weighted_ensemble
from avemo.models.hypermodel import Architectures
from avemo.paths import Project
from avemo.records import Configuration, Skipped, Trial
from avemo.training import fusion, stacking
from avemo.training.ensemble_selection import Ensemble
from avemo.training.fit import fit

COLUMNS = PROBABILITIES
INPUTS = [feature_name(modality) for modality in ("audio", "visual")]


def write_search(
    project: Project,
    modality: Unimodal,
    predictions: pd.DataFrame | None,
    split_id: str = SPLIT_ID,
    temperature: float | None = 1.0,
) -> None:
    """Write what the search of a modality leaves."""
    project.search(modality).mkdir(parents=True, exist_ok=True)
    members: list[Configuration] = [{"architecture": modality}]
    if predictions is None:
        temperature = None
    else:
        write_predictions(project.search(modality) / stacking.PREDICTIONS, predictions)
    result = search_result(members, split_id=split_id, temperature=temperature)
    result.write(project.search_result(modality))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def inner() -> Dataset:
    """The performances outside the test part."""
    data = dataset()
    return data.where(data.rows["part"].ne("test"))


def test_the_performances_that_both_models_have_predictions_of(
    project: Project, inner: Dataset
) -> None:
    audio = predictions_of(inner, 1, 1)
    visual = predictions_of(inner, 1, 2).iloc[::2]
    write_search(project, "audio", audio, temperature=2.0)
    write_search(project, "visual", visual)
    data = fusion.add_log_probabilities(project, dataset())
    assert data.rows["performance"].tolist() == visual["performance"].tolist()
    assert "test" not in set(data.rows["part"])
    first = np.exp(data.features[INPUTS[0]][0][0])
    raised = np.sqrt(audio.iloc[0][COLUMNS].to_numpy(float))  # at a temperature of two
    np.testing.assert_allclose(first, raised / raised.sum(), atol=1e-5)


def test_the_predictions_of_another_split_are_refused(project: Project, inner: Dataset) -> None:
    write_search(project, "audio", predictions_of(inner, 1, 1))
    write_search(project, "visual", predictions_of(inner, 1, 2), split_id="ba9876543210")
    with pytest.raises(CorpusError, match="visual"):
        fusion.add_log_probabilities(project, dataset())


def test_without_predictions_of_one_model_there_is_nothing_to_fit_to(
    project: Project, inner: Dataset
) -> None:
    write_search(project, "audio", predictions_of(inner, 1, 1))
    write_search(project, "visual", None)
    assert len(fusion.add_log_probabilities(project, dataset())) == 0


def test_a_modality_without_a_model_has_no_branch(project: Project, inner: Dataset) -> None:
    write_search(project, "audio", predictions_of(inner, 1, 1))
    write_search(project, "visual", None)
    configurations = {name: {"architecture": name} for name in ("audio", "visual")}
    assert fusion.branch_configurations(project) == configurations
    Skipped(reason="no pictures").write(project.search_result("visual"))
    assert fusion.branch_configurations(project) == {}


def trial(architecture: str) -> Trial:
    return Trial(run_id="-", hyperparameters={"architecture": architecture}, val_uar=0.5)


def select_first(predictions: dict[str, pd.DataFrame]) -> fusion.Select:
    """Select the first trial; predictions are by architecture."""

    def select(trials: Sequence[Trial]) -> Ensemble:
        configuration = trials[0].hyperparameters
        return Ensemble([configuration], 1.0, predictions[str(configuration["architecture"])])

    return select


@pytest.mark.parametrize(
    ("skill", "better", "architecture"), [(6.0, True, "attention"), (0.5, False, "late")]
)
def test_only_a_fusion_significantly_better_than_late_is_taken(
    project: Project, inner: Dataset, skill: float, better: bool, architecture: str
) -> None:
    write_search(project, "audio", predictions_of(inner, 2, 1))
    write_search(project, "visual", predictions_of(inner, 1, 2))
    predictions = {
        "attention": predictions_of(inner, skill, 3),
        "late": predictions_of(inner, 2, 1),
    }
    trials = [trial("attention"), trial("late")]
    ensemble = fusion.select_fusion(project, settings(), trials, select_first(predictions))
    assert ensemble.members == [{"architecture": architecture}]
    pd.testing.assert_frame_equal(ensemble.predictions, predictions[architecture])
    choice = ensemble.fusion
    assert choice is not None
    assert (choice.challenger, choice.best_unimodal) == ("attention", "audio")
    assert choice.gain is not None
    assert choice.gain.positive is better
    uars = {name: metrics.uar_of(rows) for name, rows in predictions.items()}
    assert choice.gain.value == pytest.approx(uars["attention"] - uars["late"])
    assert choice.unimodal["audio"] > choice.unimodal["visual"]
    assert choice.fused == uars[architecture]
    assert choice.difference.value == pytest.approx(choice.fused - choice.unimodal["audio"])
    text = fusion.describe_choice(choice)
    assert ("attention, significantly better than late" in text) is better
    assert ("attention is not significantly better than late" in text) is not better
    assert "against audio alone" in text


def test_a_late_fusion_has_no_temperature_of_its_own(project: Project, inner: Dataset) -> None:
    write_search(project, "audio", predictions_of(inner, 2, 1))
    write_search(project, "visual", predictions_of(inner, 1, 2))

    def select(trials: Sequence[Trial]) -> Ensemble:
        return Ensemble([trials[0].hyperparameters], 1.7, predictions_of(inner, 2, 3))

    for name, temperature in (("late", 1.0), ("attention", 1.7)):
        ensemble = fusion.select_fusion(project, settings(), [trial(name)], select)
        assert ensemble.temperature == temperature
        assert ensemble.fusion is not None
        assert ensemble.fusion.gain is None


def test_without_anything_to_compare_on_the_note_says_what_the_fusion_is() -> None:
    assert "each with the weight 0.75" in fusion.describe_choice(None)


def test_every_architecture_is_compared_with_its_best_trial(
    project: Project, inner: Dataset
) -> None:
    write_search(project, "audio", predictions_of(inner, 2, 1))
    write_search(project, "visual", predictions_of(inner, 1, 2))
    predictions = {"attention": predictions_of(inner, 3, 3), "late": predictions_of(inner, 2, 1)}
    trials = [trial("attention"), trial("late"), trial("attention")]
    rows = fusion.compare_fusions(project, trials, select_first(predictions))
    assert list(rows["system"].unique()) == ["audio", "visual", "attention", "late"]
    for name, expected in predictions.items():
        actual = rows.loc[rows["system"].eq(name), COLUMNS]
        np.testing.assert_allclose(actual, expected[COLUMNS], atol=1e-9)
    performances = rows.groupby("system")["performance"].agg(lambda names: " ".join(sorted(names)))
    assert performances.nunique() == 1


class UnimodalModel:
    """A trained model of one feature."""

    def __init__(self, feature: str, columns: int, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        tensor = keras.Input((2, columns), name=feature)
        x = keras.layers.Dense(len(EMOTIONS), activation="softmax")(keras.layers.Flatten()(tensor))
        self.network = keras.Model({feature: tensor}, x)
        self.preprocessors = {
            feature: preprocessing.SequencePreprocessor(2, [0.0] * columns, [1.0] * columns)
        }


def search_space(name: str) -> Architectures:
    return Architectures("fused", [name], fusion.stacking_preprocessors(8), {}, classes=EMOTIONS)


@pytest.mark.parametrize("name", [fusion.LATE, fusion.STACKING])
@pytest.mark.slow
def test_the_end_to_end_network_fuses_the_models_own_probabilities(name: str) -> None:
    bundles: Any = {"audio": UnimodalModel("sound", 3, 1), "visual": UnimodalModel("faces", 5, 2)}
    fused = search_space(name).build_from({})
    random = np.random.default_rng(3)
    fused.set_weights([random.normal(size=w.shape) for w in fused.get_weights()])
    network = build_end_to_end(fused, bundles)
    features = {"sound": random.normal(size=(4, 2, 3)), "faces": random.normal(size=(4, 2, 5))}
    features["faces"][0] = 0  # missing
    inputs = {}
    for input_name, modality, feature in zip(INPUTS, bundles, features, strict=True):
        model = bundles[modality].network
        probabilities = model.predict({feature: features[feature]}, verbose=0)
        inputs[input_name] = np.log(probabilities)[:, None]
    inputs[INPUTS[1]][0] = 0
    actual = network.predict(features, verbose=0)
    np.testing.assert_allclose(actual, fused.predict(inputs, verbose=0), atol=1e-5)


def test_a_late_fusion_from_one_modality_is_that_modality_s_model() -> None:
    bundles: Any = {"audio": UnimodalModel("sound", 3, 1), "visual": UnimodalModel("faces", 5, 2)}
    late = search_space("late").build_from({})
    late.set_weights([np.array([[0.3], [2.0]])])
    member = weighted_ensemble([late], [1.0], 1.0)  # as training makes it
    network = build_end_to_end(member, bundles)
    random = np.random.default_rng(3)
    features = {"sound": random.normal(size=(4, 2, 3)), "faces": random.normal(size=(4, 2, 5))}
    for modality, (present, clips) in zip(bundles, features.items(), strict=True):
        inputs = {name: np.zeros_like(arrays) for name, arrays in features.items()}
        expected = bundles[modality].network.predict({present: clips}, verbose=0)
        actual = network.predict(inputs | {present: clips}, verbose=0)
        np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_an_empty_training_set_leaves_a_fusion_as_it_was_initialised() -> None:
    data = replace(dataset(), features={"x": dataset().features["whisper"]})
    empty = data.where(data.rows["part"].eq("none"))
    stacked = search_space("stacking")
    network = stacked.build_from({})
    before = [weights.copy() for weights in network.get_weights()]
    options: Any = {
        "augmentation": stacked.augmentation_for({}),
        "epochs": 1,
        "batch_size": 4,
        "seed": 1,
    }
    assert fit(network, empty, fusion.stacking_preprocessors(8), **options).empty
    pairs = zip(before, network.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
