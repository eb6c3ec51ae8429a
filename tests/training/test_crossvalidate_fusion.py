"""Every performance is predicted by a fusion that was neither fitted nor selected on its fold."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers.training_task import (
    SPLIT_ID,
    dataset,
    make_project,
    predictions_of,
    search_result,
    settings,
)
from helpers.two_modalities import searched_project

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.datasets import Dataset
from avemo.errors import CorpusError
from avemo.evaluation import metrics
from avemo.evaluation.predictions import predictions_frame, read_predictions
from avemo.modalities import MODALITIES, UNIMODAL
from avemo.models.weighted_product import combine
from avemo.paths import Project
from avemo.records import FusionCrossValidation, SearchResult, Skipped, read_or_skipped
from avemo.training import fusion, stacking
from avemo.training.crossvalidate_fusion import (
    GEOMETRIC_MEAN,
    crossvalidate_fusion,
    fuse_fold,
)
from pipelines import crossvalidate

pytestmark = pytest.mark.slow

SYSTEMS = ["audio", "visual", GEOMETRIC_MEAN, "late", "stacking"]


def both_modalities() -> Dataset:
    """Log probabilities of two models of some skill."""
    data = dataset()
    audio, visual = predictions_of(data, 2, 1), predictions_of(data, 1, 2)
    return fusion.join_predictions({"audio": audio, "visual": visual}, SPLIT_ID)


def test_each_system_predicts_the_fold_and_no_other() -> None:
    data = both_modalities()
    systems, weights = fuse_fold(settings(), data, 2)
    assert list(systems) == SYSTEMS
    expected = data.rows.loc[data.rows["fold"].eq(2), "performance"].tolist()
    for rows in systems.values():
        assert rows["performance"].tolist() == expected
        np.testing.assert_allclose(metrics.probabilities(rows).sum(axis=1), 1, atol=1e-5)
    logarithms = np.log([metrics.probabilities(systems[name]) for name in UNIMODAL])
    for name, own in ((GEOMETRIC_MEAN, [0.5, 0.5]), ("late", list(weights.values()))):
        np.testing.assert_allclose(
            metrics.probabilities(systems[name]),
            combine(np.moveaxis(logarithms, 0, 2), np.array(own)),
            atol=1e-6,
        )


def test_a_fold_s_own_labels_change_no_prediction_of_it() -> None:
    data = both_modalities()
    rows = data.rows.copy()
    tested = rows["fold"].eq(2)
    rows.loc[tested, "emotion"] = np.random.default_rng(2).choice(EMOTIONS, tested.sum())
    before, weights = fuse_fold(settings(), data, 2)
    after, same_weights = fuse_fold(settings(), replace(data, rows=rows), 2)
    assert weights == same_weights
    for name in SYSTEMS:
        assert before[name]["true"].tolist() != after[name]["true"].tolist()
        pd.testing.assert_frame_equal(
            before[name].drop(columns="true"), after[name].drop(columns="true"), check_exact=True
        )


def test_only_performances_with_both_modalities_are_joined() -> None:
    data = dataset()
    uniform = np.full((len(data), len(EMOTIONS)), 1 / len(EMOTIONS))
    audio = predictions_frame(data, uniform)
    joined = fusion.join_predictions({"audio": audio, "visual": audio[::2]}, SPLIT_ID)
    assert joined.rows["performance"].tolist() == audio["performance"][::2].tolist()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose fusion was cross-validated by the stage."""
    with searched_project(tmp_path_factory.mktemp("tracked")) as project:
        for modality in MODALITIES:
            crossvalidate.main(project, load_settings(project.root), modality)
        yield project


def test_what_the_stage_leaves(project: Project) -> None:
    folder = project.crossvalidation("fused")
    result = FusionCrossValidation.read(folder / "summary.json")
    compared = pd.read_csv(folder / stacking.COMPARISON)
    assert list(compared["system"].unique()) == SYSTEMS
    late = read_predictions(folder / "predictions.csv")
    assert late["performance"].is_monotonic_increasing
    assert len(late) == len(compared) / len(SYSTEMS) == 64
    uar = metrics.uar_of(late)
    assert result.figures["late"]["uar"].value == pytest.approx(uar)
    assert set(result.gains) == {GEOMETRIC_MEAN, "late", "stacking"}
    best = max(result.figures[name]["uar"].value for name in UNIMODAL)
    assert result.gains["late"].value == pytest.approx(uar - best)
    assert [fold.fold for fold in result.folds] == [1, 2, 3, 4]
    for fold in result.folds:
        assert fold.actors == [f"{2 * fold.fold - 1:02d}", f"{2 * fold.fold:02d}"]
        assert set(fold.weights) == set(UNIMODAL)
        for name, value in fold.uars.items():
            rows = compared[compared["system"].eq(name) & compared["fold"].eq(fold.fold)]
            assert value == pytest.approx(metrics.uar_of(rows))
        child = mlflow.get_run(fold.run_id)
        assert child.data.metrics["test_uar_late"] == fold.uars["late"]
        assert float(child.data.params["weight_audio"]) == pytest.approx(fold.weights["audio"])
    run = mlflow.get_run(result.run_id)
    assert run.data.tags["avemo.stage"] == "crossvalidate-fused"
    assert run.data.metrics["crossvalidated_uar"] == pytest.approx(uar)


def test_each_modality_predicts_as_in_its_own_cross_validation(project: Project) -> None:
    compared = pd.read_csv(project.crossvalidation("fused") / stacking.COMPARISON)
    for modality in UNIMODAL:
        expected = read_predictions(project.crossvalidation(modality) / "predictions.csv")
        rows = compared[compared["system"].eq(modality)].sort_values("performance")
        assert rows["performance"].tolist() == expected["performance"].tolist()
        np.testing.assert_allclose(
            metrics.probabilities(rows), metrics.probabilities(expected), atol=1e-5
        )


def test_the_search_of_another_split_is_refused(project: Project, tmp_path: Path) -> None:
    results = {
        modality: SearchResult.read(project.search_result(modality)) for modality in UNIMODAL
    }
    results["visual"] = results["visual"].model_copy(update={"split_id": "-"})
    with pytest.raises(CorpusError, match="search result of visual was made on split -"):
        crossvalidate_fusion(project, load_settings(project.root), results, tmp_path)


def test_without_a_picture_it_is_skipped(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    for modality in UNIMODAL:
        project.search(modality).mkdir(parents=True)
    search_result([{"architecture": "lstm"}]).write(project.search_result("audio"))
    reason = Skipped(reason="no pictures")
    reason.write(project.search_result("visual"))
    crossvalidate.main(project, settings(), "fused")
    result = read_or_skipped(FusionCrossValidation, project.crossvalidation_result("fused"))
    assert result == reason
