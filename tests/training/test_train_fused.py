"""The fused stages from end to end: from one modality alone, the version is that modality's."""

from collections.abc import Iterator

import mlflow
import numpy as np
import pytest
from helpers.two_modalities import searched_project

from avemo.config import load_settings
from avemo.datasets import load
from avemo.features.names import modality_of
from avemo.modalities import MODALITIES, UNIMODAL, Unimodal
from avemo.models.bundle import GRAPH_FILE, Bundle
from avemo.models.weighted_product import combine
from avemo.paths import Project
from avemo.records import SearchResult, TrainResult
from avemo.runtime.export import export
from pipelines import search, train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Both modalities and their fusion are searched and trained."""
    with searched_project(tmp_path_factory.mktemp("tracked")) as project:
        settings = load_settings(project.root)
        search.main(project, settings, "fused")
        for modality in MODALITIES:
            train.main(project, settings, modality)
        yield project


def logged_weights(result: TrainResult) -> dict[Unimodal, float]:
    """The weights in the run of the member."""
    experiment = mlflow.get_run(result.run_id).info.experiment_id
    query = f"tags.mlflow.parentRunId = '{result.run_id}'"
    (member,) = mlflow.search_runs([experiment], query, output_format="list")
    return {modality: float(member.data.params[f"weight_{modality}"]) for modality in UNIMODAL}


def test_the_search_tries_every_way_to_fuse_predictions(project: Project) -> None:
    result = SearchResult.read(project.search_result("fused"))
    tried = {str(trial.hyperparameters["architecture"]) for trial in result.trials}
    assert tried == {"late", "stacking"}
    assert result.members[0]["architecture"] == "late"
    assert result.temperature == 1
    assert result.fusion is not None
    assert result.fusion.challenger == "stacking"


def test_the_training_says_why_it_is_late_and_what_it_weighs(project: Project) -> None:
    result = TrainResult.read(project.train_result("fused"))
    assert result.note.startswith("late: UAR ")
    assert all(weight >= 0 for weight in logged_weights(result).values())


@pytest.mark.parametrize("present", UNIMODAL)
@pytest.mark.parametrize("as_graph", [False, True], ids=["keras", "graph"])
def test_from_one_modality_it_predicts_what_that_model_does(
    project: Project, present: Unimodal, as_graph: bool
) -> None:
    fused, alone = Bundle(project.trained("fused")), Bundle(project.trained(present))
    if as_graph:
        for bundle in (fused, alone):
            export(bundle.network, bundle.folder / GRAPH_FILE)
    data = load(project, list(fused.preprocessors), load_settings(project.root).labels.classes)
    clips = [
        {feature: arrays[row] for feature, arrays in data.features.items()}
        for row in range(len(data))
    ]
    own = [
        {feature: array for feature, array in clip.items() if modality_of(feature) == present}
        for clip in clips
    ]
    expected = alone.probabilities_of(own)
    np.testing.assert_allclose(fused.probabilities_of(own), expected, atol=1e-6)
    together = fused.probabilities_of(clips)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    assert np.abs(together - expected).max() > 0.01


def test_with_both_it_is_their_weighted_product(project: Project) -> None:
    fused = Bundle(project.trained("fused"))
    data = load(project, list(fused.preprocessors), load_settings(project.root).labels.classes)
    weights = logged_weights(TrainResult.read(project.train_result("fused")))
    logarithms = [
        np.log(Bundle(project.trained(modality)).probabilities(data.features))
        for modality in UNIMODAL
    ]
    own = np.array([weights[modality] for modality in UNIMODAL])
    expected = combine(np.stack(logarithms, axis=2), own)
    np.testing.assert_allclose(fused.probabilities(data.features), expected, atol=1e-4)
