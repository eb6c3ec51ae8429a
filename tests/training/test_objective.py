"""A configuration is judged on the inner folds, by fits that have not seen them."""

from collections.abc import Iterator

import mlflow
import pandas as pd
import pytest
from helpers.training_task import (
    HEAD,
    LINEAR,
    dataset,
    run_search,
    settings,
    tracked_project,
    training_task,
)

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import calibration, metrics
from avemo.evaluation.predictions import read_predictions
from avemo.paths import Project
from avemo.training import stacking
from avemo.training.ensemble_selection import average_predictions
from avemo.training.inner_cv import mean_uar
from avemo.training.objective import OBJECTIVE, create_objective
from avemo.training.task import TrainingTask

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with tracked_project(tmp_path_factory.mktemp("project")) as project:
        yield project


def task_without(*parts: str) -> TrainingTask:
    data = dataset()
    return training_task(data.where(~data.rows["part"].isin(parts)))


def test_a_configuration_is_judged_by_its_predictions_of_the_inner_folds(project: Project) -> None:
    objective = create_objective(project, settings(), training_task())
    fits = []
    figures = objective.evaluate(LINEAR, lambda: fits.append(1))
    assert len(fits) == objective.fits_per_trial == 2
    folds = [f"{OBJECTIVE}_fold_2", f"{OBJECTIVE}_fold_3"]
    assert set(figures) == {OBJECTIVE, *folds, "val_log_loss"}
    assert figures[OBJECTIVE] == pytest.approx(sum(figures[fold] for fold in folds) / 2)
    predictions = objective.inner_cv.inner_predictions(LINEAR, 1)
    loss = metrics.log_loss(predictions["true"], metrics.probabilities(predictions), EMOTIONS)
    assert figures["val_log_loss"] == pytest.approx(loss)


def test_the_predictions_of_the_members_are_written(project: Project) -> None:
    result = run_search(project, settings(), training_task(), LINEAR, HEAD)
    inner_cv = create_objective(project, settings(), training_task()).inner_cv
    predictions = [inner_cv.inner_predictions(member, 1) for member in result.members]
    mean = average_predictions(predictions)
    assert len(result.members) == 2
    assert result.temperature == pytest.approx(calibration.fit_temperature(mean))
    written = read_predictions(project.search("audio") / stacking.PREDICTIONS)
    pd.testing.assert_frame_equal(written, mean, check_dtype=False)
    assert set(written["part"]) == {"valid", "train"}
    (run,) = mlflow.search_runs(experiment_names=["avemo/audio"], output_format="list")
    assert run.data.metrics[f"members_{OBJECTIVE}"] == pytest.approx(mean_uar(mean))


@pytest.mark.parametrize(
    ("parts", "fits"), [([], 2), (["test"], 2), (["test", "valid"], 0), (["valid"], 0)]
)
def test_how_many_fits_a_trial_takes(project: Project, parts: list[str], fits: int) -> None:
    assert create_objective(project, settings(), task_without(*parts)).fits_per_trial == fits
