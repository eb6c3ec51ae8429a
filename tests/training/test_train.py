"""What is kept of a training: a model that answers alone, its answers, its temperature."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers.training_task import HEAD, LINEAR, dataset, settings, task, tracked

from avemo.emotions import EMOTIONS
from avemo.errors import CorpusError
from avemo.evaluation import calibration, metrics
from avemo.evaluation.predictions import predict, predictions_frame
from avemo.models.bundle import Bundle
from avemo.training import stacking
from avemo.training.train import train

pytestmark = pytest.mark.slow

MEMBERS = [LINEAR, HEAD]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with tracked(tmp_path_factory.mktemp("project")) as made:
        yield made


@pytest.fixture
def trained(project, tmp_path):
    """Trains, and says what was made where."""

    def make(chosen, members, gathered=None):
        gathered = gathered or task()
        found = {"run_id": "search", "split": gathered.data.split, "members": members}
        return train(project, chosen, gathered, found, tmp_path), tmp_path

    return make


@pytest.fixture
def answered(project):
    """What the search's members answered on the inner folds: right in three of four, too surely."""
    rows = dataset()
    inner = rows.where(rows.rows["fold"].ne(1))
    places = np.where(np.arange(len(inner)) % 4 == 3, (inner.labels + 1) % 8, inner.labels)
    found = predictions_frame(inner, 0.99 * np.eye(len(EMOTIONS))[places] + 0.01 / len(EMOTIONS))
    file = project.search("audio") / stacking.FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    found.to_csv(file, index=False)
    yield found
    file.unlink()


def test_what_is_kept(trained, answered):
    made, folder = trained(settings(), MEMBERS)
    model = Bundle(folder)
    said = model.description
    assert made["architecture"] == said["architecture"] == "whisper_linear + whisper"
    assert said["members"] == MEMBERS
    assert said["trained_on"] == {"performances": 64, "actors": 4}
    assert set(said["features"]) == set(model.preprocessors) == {"whisper", "whisper_stats"}

    assert said["temperature"] == pytest.approx(calibration.fit_temperature(answered))
    assert said["temperature"] > 1.5
    kept = pd.read_csv(folder / "predictions.csv")
    scaled = calibration.apply_temperature(answered, said["temperature"])
    pd.testing.assert_frame_equal(kept, scaled, atol=1e-6)
    run = mlflow.get_run(made["run_id"])
    error = metrics.calibration_error(answered["true"], metrics.probabilities(answered))
    assert run.data.metrics["valid_calibration_error_before"] == pytest.approx(error)
    assert run.data.metrics["valid_calibration_error"] < error / 2
    assert made["valid"]["uar"]["value"] == pytest.approx(0.75)
    assert float(run.data.params["temperature"]) == said["temperature"]

    history = pd.read_csv(folder / "history.csv")
    assert history.columns.tolist() == ["epoch", "loss", "uar", "member"]
    assert history["epoch"].tolist() == [1, 2, 1, 2]


def test_without_answers_on_the_inner_folds(trained):
    made, folder = trained(settings(members=1), [LINEAR])
    assert made["valid"] == {}
    assert Bundle(folder).description["temperature"] == 1
    assert not (folder / "predictions.csv").exists()
    assert "absent" in mlflow.get_run(made["run_id"]).data.tags["avemo.valid"]


def test_all_but_the_test_part_is_learnt_from_and_no_more(trained, answered, project):
    one = Bundle(trained(settings(epochs=1, members=1), [LINEAR])[1])
    expected = predict(one, dataset())
    data = dataset()
    left = data.where(data.rows["part"].ne("test"))
    again = Bundle(trained(settings(epochs=1, members=1), [LINEAR], task(left))[1])
    pd.testing.assert_frame_equal(predict(again, dataset()), expected, check_exact=True)


def test_each_member_is_a_run_below(trained, answered):
    made, _ = trained(settings(epochs=1), MEMBERS)
    run = mlflow.get_run(made["run_id"])
    assert run.data.tags["avemo.search_run"] == "search"
    own = f"tags.mlflow.parentRunId = '{made['run_id']}'"
    children = mlflow.MlflowClient().search_runs([run.info.experiment_id], own)
    names = {child.info.run_name for child in children}
    assert names == {"member 0 whisper_linear", "member 1 whisper"}
    assert {child.data.params["architecture"] for child in children} == {
        "whisper_linear",
        "whisper",
    }
    text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/members.json")
    assert json.loads(text) == {"members": MEMBERS}


def test_the_search_of_another_split_is_refused(project, tmp_path):
    found = {"run_id": "-", "split": "-", "members": [LINEAR]}
    with pytest.raises(CorpusError, match="search result of audio was made on split -"):
        train(project, settings(), task(), found, tmp_path)
