"""Every performance is answered by a model that has not heard its fold, nor was chosen on it."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers.training_task import (
    HEAD,
    LINEAR,
    altered,
    dataset,
    project,
    searched,
    settings,
    task,
    tracked,
)

from avemo.errors import CorpusError
from avemo.evaluation import calibration, metrics
from avemo.evaluation.predictions import predict
from avemo.models.bundle import Bundle
from avemo.training import inner_cv
from avemo.training.crossvalidate import crossvalidate
from avemo.training.train import train

pytestmark = pytest.mark.slow

TABLES = ("predictions", "uncalibrated")
COLUMNS = ["performance", "fold", "true", *metrics.PROBABILITIES]


class Done:
    """A search, and the cross-validation after it."""

    def __init__(self, made, data=None, chosen=None, configurations=(LINEAR, HEAD)):
        self.project = made
        self.settings = chosen or settings()
        self.task = task(data)
        self.found = searched(made, self.settings, self.task, *configurations)
        self.folder = made.crossvalidation("audio")
        self.folder.mkdir(parents=True)

    def run(self):
        self.summary = crossvalidate(
            self.project, self.settings, self.task, self.found, self.folder
        )
        return self

    def table(self, name="predictions"):
        return pd.read_csv(self.folder / f"{name}.csv")

    def fold(self, number):
        (result,) = [fold for fold in self.summary.folds if fold.fold == number]
        return result


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("crossvalidated")


@pytest.fixture(scope="module")
def done(root):
    with tracked(root / "done") as made:
        yield Done(made).run()


@pytest.mark.parametrize("name", TABLES)
def test_each_performance_is_answered_once(done, name):
    table = done.table(name)
    rows = dataset().rows
    assert table.columns.tolist() == COLUMNS
    assert table["performance"].tolist() == rows["performance"].tolist()
    assert table["fold"].tolist() == rows["fold"].tolist()
    assert table["true"].tolist() == rows["emotion"].tolist()
    np.testing.assert_allclose(metrics.probabilities(table).sum(axis=1), 1, atol=1e-5)


def test_the_temperature_of_each_fold_lies_between_the_two_tables(done):
    before, after = (done.table(name) for name in ("uncalibrated", "predictions"))
    for fold, rows in before.groupby("fold"):
        scaled = calibration.apply_temperature(rows, done.fold(fold).temperature)
        expected = metrics.probabilities(after[after["fold"].eq(fold)])
        np.testing.assert_allclose(metrics.probabilities(scaled), expected, atol=1e-4)


def test_what_the_summary_says(done):
    summary = done.summary
    assert (summary.synthetic, summary.protocol) == (True, "actor")
    table = done.table()
    right = metrics.uar(table["true"], metrics.predicted(table))
    figure = summary.figures["uar"]
    assert (figure.value, figure.actors, figure.performances) == (
        pytest.approx(right),
        6,
        len(table),
    )
    assert [one.fold for one in summary.folds] == [1, 2, 3]
    for one in summary.folds:
        own = table[table["fold"].eq(one.fold)]
        assert one.actors == [2 * one.fold - 1, 2 * one.fold]
        assert one.uar == pytest.approx(metrics.uar(own["true"], metrics.predicted(own)))
        assert len(one.configurations) == 2
        assert all(values in (LINEAR, HEAD) for values in one.configurations)
        assert one.members == [values["architecture"] for values in one.configurations]
        assert 0 <= one.inner_uar <= 1
        assert 0.05 <= one.temperature <= 20


def test_what_its_runs_say(done):
    run = mlflow.get_run(done.summary.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == done.summary.run_name == "crossvalidate"
    assert run.data.tags["avemo.stage"] == "crossvalidate@audio"
    plain = done.table("uncalibrated")
    error = metrics.calibration_error(plain["true"], metrics.probabilities(plain))
    logged = run.data.metrics
    assert logged["crossvalidated_calibration_error_before"] == pytest.approx(error, abs=1e-4)
    assert logged["crossvalidated_uar"] == done.summary.figures["uar"].value
    for one in done.summary.folds:
        child = mlflow.get_run(one.run_id)
        assert child.data.tags["mlflow.parentRunId"] == run.info.run_id
        assert (child.info.run_name, child.info.status) == (one.run_name, "FINISHED")
        assert child.data.metrics == {"inner_uar": one.inner_uar, "test_uar": one.uar}


def test_no_answer_depends_on_its_own_fold_s_labels(done, root):
    other = Done(project(root / "altered"), altered(dataset(), 2, seed=1)).run()
    expected, found = done.fold(2), other.fold(2)
    assert found.uar != expected.uar
    for key in ("configurations", "temperature", "inner_uar"):
        assert getattr(found, key) == getattr(expected, key)
    for name in TABLES:
        found, expected = other.table(name), done.table(name)
        own = found["fold"].eq(2)
        assert not found[own].equals(expected[own])  # what is true is another
        answers = [each[own].drop(columns="true") for each in (found, expected)]
        pd.testing.assert_frame_equal(*answers, check_exact=True)
        assert not found[~own].equals(expected[~own])


def test_the_project_s_own_test_fold_is_answered_as_by_the_model_that_is_kept(done):
    folder = done.project.trained("audio")
    folder.mkdir(parents=True)
    train(done.project, done.settings, done.task, done.found, folder)
    found = predict(Bundle(folder), done.task.data.part("test"))
    table = done.table()
    expected = table[table["fold"].eq(1)]
    assert found["performance"].tolist() == expected["performance"].tolist()
    np.testing.assert_allclose(
        metrics.probabilities(found), metrics.probabilities(expected), atol=1e-5
    )
    assert Bundle(folder).description["members"] == done.fold(1).configurations


def test_what_was_fitted_before_it_was_stopped_is_not_fitted_again(root, monkeypatch):
    made = Done(project(root / "stopped"), chosen=settings(epochs=1), configurations=[LINEAR])
    started = []

    def fit(*arguments, **options):
        started.append(1)
        if len(started) == 3:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    original = inner_cv.fit
    monkeypatch.setattr(inner_cv, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert list(made.folder.iterdir()) == []
    made.run()
    # the search left 2 of the 3 that each see one fold; 2 members for each of 3 folds
    assert len(started) == 1 + 3 * 2 + 1
    assert len(made.table()) == len(dataset())


def test_the_search_of_another_split_is_refused(done, tmp_path):
    found = done.found | {"split": "-"}
    with pytest.raises(CorpusError, match="search result of audio was made on split -"):
        crossvalidate(done.project, done.settings, done.task, found, tmp_path)
