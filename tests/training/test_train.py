"""Training leaves a model that predicts by itself, its validation figures and its runs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers.training_task import (
    HEAD,
    LINEAR,
    dataset,
    search_result,
    settings,
    tracked_project,
    training_task,
)

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import CorpusError
from avemo.evaluation import calibration, metrics
from avemo.evaluation.abstention import selective_figures
from avemo.evaluation.bootstrap import Bootstrap
from avemo.evaluation.conformal import fit_sets
from avemo.evaluation.predictions import (
    predict,
    predictions_frame,
    read_predictions,
    write_predictions,
)
from avemo.models.bundle import Bundle
from avemo.paths import Project
from avemo.records import Configuration, TrainedOn, TrainResult
from avemo.settings import Settings
from avemo.training import stacking
from avemo.training.task import TrainingTask
from avemo.training.train import train

pytestmark = pytest.mark.slow

MEMBERS = [LINEAR, HEAD]
RunTraining = Callable[..., tuple[TrainResult, Path]]
TEMPERATURE = 2.5


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with tracked_project(tmp_path_factory.mktemp("project")) as project:
        yield project


@pytest.fixture
def run_training(project: Project, tmp_path: Path) -> RunTraining:
    """Train, and return the result and the folder."""

    def run_training(
        settings: Settings,
        members: list[Configuration],
        task: TrainingTask | None = None,
        temperature: float | None = TEMPERATURE,
    ) -> tuple[TrainResult, Path]:
        result = search_result(members, temperature=temperature)
        return train(project, settings, task or training_task(), result, tmp_path), tmp_path

    return run_training


@pytest.fixture
def predictions(project: Project) -> Iterator[pd.DataFrame]:
    """Predictions on the inner folds: three of four are right, all of them overconfident."""
    data = dataset()
    inner = data.where(data.rows["fold"].ne(1))
    codes = np.where(np.arange(len(inner)) % 4 == 3, (inner.labels + 1) % 8, inner.labels)
    confident = 0.99 * np.eye(len(EMOTIONS))[codes] + 0.01 / len(EMOTIONS)
    predictions = predictions_frame(inner, confident)
    file = project.search("audio") / stacking.PREDICTIONS
    file.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(file, predictions)
    yield predictions
    file.unlink()


def test_what_a_training_leaves(run_training: RunTraining, predictions: pd.DataFrame) -> None:
    corpus = settings().corpus.model_copy(update={"source": "path"})
    result, folder = run_training(settings().model_copy(update={"corpus": corpus}), MEMBERS)
    bundle = Bundle(folder)
    config = bundle.config
    assert result.architecture == config.architecture == "whisper_linear + whisper"
    assert config.members == MEMBERS
    assert config.trained_on == TrainedOn(performances=64, actors=4, corpora=["ravdess"])
    assert set(config.features) == set(bundle.preprocessors) == {"whisper", "whisper_stats"}
    assert config.temperature == TEMPERATURE
    written = read_predictions(folder / "predictions.csv")
    scaled = calibration.apply_temperature(predictions, TEMPERATURE)
    pd.testing.assert_frame_equal(written, scaled, atol=1e-8)
    run = mlflow.get_run(result.run_id)
    error = metrics.calibration_error(
        predictions["true"], metrics.probabilities(predictions), EMOTIONS
    )
    assert run.data.metrics["valid_calibration_error_before"] == pytest.approx(error)
    assert run.data.metrics["valid_calibration_error"] < error / 2
    assert result.valid is not None
    assert result.valid["uar"].value == pytest.approx(0.75)
    assert float(run.data.params["temperature"]) == TEMPERATURE

    assert config.abstention is not None
    assert config.conformal_sets is not None
    assert (config.abstention.actors, config.abstention.performances) == (4, 64)
    limits = settings().abstention
    assert config.abstention.target == limits.min_accuracy
    assert config.conformal_sets == fit_sets(scaled, limits.set_coverage)
    threshold = config.abstention.threshold
    expected = selective_figures(scaled, threshold, Bootstrap.from_settings(settings()))
    assert config.abstention.coverage == pytest.approx(expected["coverage"].value)
    assert run.data.metrics["valid_coverage"] == pytest.approx(config.abstention.coverage)
    assert run.data.metrics["valid_aurc"] == pytest.approx(0.25)  # all are equally sure
    assert run.data.tags["avemo.abstention"] == str(config.abstention)
    assert float(run.data.params["abstention_threshold"]) == threshold
    artifacts = {file.path for file in mlflow.MlflowClient().list_artifacts(result.run_id)}
    assert "valid_risk_coverage.png" in artifacts

    # four actors do not tell how speakers differ
    reason = "none: 6 speakers are needed, and there are 4"
    assert (run.data.tags["avemo.adaptation"], config.adaptation) == (reason, None)

    history = pd.read_csv(folder / "history.csv")
    assert history.columns.tolist() == ["epoch", "loss", "uar", "member"]
    assert history["epoch"].tolist() == [1, 2, 1, 2]


def test_a_search_with_nothing_to_choose_by(run_training: RunTraining) -> None:
    result, folder = run_training(settings(members=1), [LINEAR], temperature=None)
    assert Bundle(folder).config.trained_on.corpora == []  # the sample's voices are nobody's
    assert result.valid is None
    config = Bundle(folder).config
    assert config.temperature == 1
    assert (config.abstention, config.conformal_sets) == (None, None)
    assert not (folder / "predictions.csv").exists()
    assert "too few folds" in mlflow.get_run(result.run_id).data.tags["avemo.valid"]


def test_the_training_set_is_all_but_the_test_part(
    run_training: RunTraining, predictions: pd.DataFrame
) -> None:
    bundle = Bundle(run_training(settings(epochs=1, members=1), [LINEAR])[1])
    expected = predict(bundle, dataset())
    data = dataset()
    task = training_task(data.where(data.rows["part"].ne("test")))
    without_test = Bundle(run_training(settings(epochs=1, members=1), [LINEAR], task)[1])
    pd.testing.assert_frame_equal(predict(without_test, dataset()), expected, check_exact=True)


def test_each_member_is_a_child_run(run_training: RunTraining, predictions: pd.DataFrame) -> None:
    result, _ = run_training(settings(epochs=1), MEMBERS)
    run = mlflow.get_run(result.run_id)
    assert run.data.tags["avemo.search_run"] == "search"
    query = f"tags.mlflow.parentRunId = '{result.run_id}'"
    children = mlflow.MlflowClient().search_runs([run.info.experiment_id], query)
    names = {child.info.run_name for child in children}
    assert names == {"member 0 whisper_linear", "member 1 whisper"}
    architectures = {child.data.params["architecture"] for child in children}
    assert architectures == {"whisper_linear", "whisper"}
    text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/members.json")
    assert json.loads(text) == {"members": MEMBERS}


def test_the_search_of_another_split_is_refused(project: Project, tmp_path: Path) -> None:
    result = search_result([LINEAR], split_id="-")
    with pytest.raises(CorpusError, match="search result of audio was made on split -"):
        train(project, settings(), training_task(), result, tmp_path)
