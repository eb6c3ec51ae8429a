"""Every performance is predicted by a model that was neither fitted nor selected on its fold."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers.probabilities import PROBABILITIES
from helpers.training_task import (
    HEAD,
    LINEAR,
    alter_fold,
    dataset,
    make_project,
    run_search,
    settings,
    tracked_project,
    training_task,
)

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.datasets import Dataset
from avemo.errors import CorpusError
from avemo.evaluation import calibration, metrics
from avemo.evaluation.predictions import predict
from avemo.models.bundle import Bundle
from avemo.paths import Project
from avemo.records import Channel, Configuration, CrossValidatedFold
from avemo.report import published
from avemo.report.import_runs import import_runs
from avemo.settings import Settings
from avemo.training import inner_cv
from avemo.training.crossvalidate import crossvalidate
from avemo.training.fit import fit
from avemo.training.train import train

pytestmark = pytest.mark.slow

TABLES = ("predictions", "uncalibrated")
COLUMNS = ["performance", "fold", "true", *PROBABILITIES]


class CrossValidation:
    """A search, and the cross-validation after it."""

    def __init__(
        self,
        project: Project,
        data: Dataset | None = None,
        own_settings: Settings | None = None,
        configurations: Sequence[Configuration] = (LINEAR, HEAD),
    ) -> None:
        self.project = project
        self.settings = own_settings or settings()
        self.task = training_task(data)
        self.search_result = run_search(project, self.settings, self.task, *configurations)
        self.folder = project.crossvalidation("audio")
        self.folder.mkdir(parents=True)

    def run(self) -> "CrossValidation":
        self.result = crossvalidate(
            self.project, self.settings, self.task, self.search_result, self.folder
        )
        return self

    def table(self, name: str = "predictions") -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv")

    def fold(self, number: int) -> CrossValidatedFold:
        (result,) = [fold for fold in self.result.folds if fold.fold == number]
        return result


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crossvalidated")


@pytest.fixture(scope="module")
def finished(root: Path) -> Iterator[CrossValidation]:
    with tracked_project(root / "finished") as project:
        yield CrossValidation(project).run()


@pytest.mark.parametrize("name", TABLES)
def test_each_performance_is_predicted_once(finished: CrossValidation, name: str) -> None:
    table = finished.table(name)
    rows = dataset().rows
    assert table.columns.tolist() == COLUMNS
    assert table["performance"].tolist() == rows["performance"].tolist()
    assert table["fold"].tolist() == rows["fold"].tolist()
    assert table["true"].tolist() == rows["emotion"].tolist()
    np.testing.assert_allclose(metrics.probabilities(table).sum(axis=1), 1, atol=1e-5)


def test_the_temperature_of_each_fold_lies_between_the_two_tables(
    finished: CrossValidation,
) -> None:
    before, after = (finished.table(name) for name in ("uncalibrated", "predictions"))
    for fold, rows in before.groupby("fold"):
        scaled = calibration.apply_temperature(rows, finished.fold(int(str(fold))).temperature)
        expected = metrics.probabilities(after[after["fold"].eq(fold)])
        np.testing.assert_allclose(metrics.probabilities(scaled), expected, atol=1e-4)


def test_the_figures_are_of_the_predictions(finished: CrossValidation) -> None:
    result = finished.result
    assert (result.synthetic, result.protocol) == (True, "actor")
    table = finished.table()
    right = metrics.uar_of(table)
    figure = result.figures["uar"]
    assert figure.value == pytest.approx(right)
    assert (figure.actors, figure.performances) == (6, len(table))
    assert [fold.fold for fold in result.folds] == [1, 2, 3]
    for fold in result.folds:
        own = table[table["fold"].eq(fold.fold)]
        assert fold.actors == [f"{2 * fold.fold - 1:02d}", f"{2 * fold.fold:02d}"]
        assert fold.uar == pytest.approx(metrics.uar_of(own))
        assert len(fold.configurations) == 2
        assert all(configuration in (LINEAR, HEAD) for configuration in fold.configurations)
        assert fold.members == [values["architecture"] for values in fold.configurations]
        assert 0 <= fold.inner_uar <= 1
        assert 0.05 <= fold.temperature <= 20


def test_the_runs_hold_the_same_figures(finished: CrossValidation) -> None:
    run = mlflow.get_run(finished.result.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == finished.result.run_name == "crossvalidate"
    assert run.data.tags["avemo.stage"] == "crossvalidate@audio"
    plain = finished.table("uncalibrated")
    error = metrics.calibration_error(plain["true"], metrics.probabilities(plain), EMOTIONS)
    logged = run.data.metrics
    assert logged["crossvalidated_calibration_error_before"] == pytest.approx(error, abs=1e-4)
    assert logged["crossvalidated_uar"] == finished.result.figures["uar"].value
    for fold in finished.result.folds:
        child = mlflow.get_run(fold.run_id)
        assert child.data.tags["mlflow.parentRunId"] == run.info.run_id
        assert (child.info.run_name, child.info.status) == (fold.run_name, "FINISHED")
        assert child.data.metrics == {"inner_uar": fold.inner_uar, "test_uar": fold.uar}


@pytest.mark.parametrize(("channels", "name"), [((2,), "song"), ((1, 2), "both")])
def test_song_is_published_as_its_channel(
    root: Path, channels: tuple[int, ...], name: Channel
) -> None:
    with tracked_project(root / name) as project:
        data = dataset(channels)
        validated = CrossValidation(project, data, configurations=[LINEAR]).run()
        validated.result.write(project.crossvalidation_result("audio"))
        actors = 6 if 1 in channels else 5
        figures = validated.result.figures
        assert figures["uar"].actors == actors
        emotions = {key for key in figures if key.startswith("recall_")}
        assert emotions == {f"recall_{emotion}" for emotion in data.rows["emotion"]}
        import_runs(project, [project])
        publication = published.read(project.root / published.FOLDER)
    (champion,) = publication.manifest.champions
    assert champion.channel == name
    rows = publication.predictions[champion.predictions]
    assert rows["performance"].tolist() == data.rows["performance"].tolist()
    assert metrics.uar_of(rows) == pytest.approx(figures["uar"].value)


def test_no_prediction_depends_on_its_own_fold_s_labels(
    finished: CrossValidation, root: Path
) -> None:
    other = CrossValidation(make_project(root / "altered"), alter_fold(dataset(), 2, seed=1)).run()
    expected, actual = finished.fold(2), other.fold(2)
    assert actual.uar != expected.uar
    for key in ("configurations", "temperature", "inner_uar"):
        assert getattr(actual, key) == getattr(expected, key)
    for name in TABLES:
        altered, unaltered = other.table(name), finished.table(name)
        own = altered["fold"].eq(2)
        assert not altered[own].equals(unaltered[own])  # the true emotions differ
        first, second = (rows[own].drop(columns="true") for rows in (altered, unaltered))
        pd.testing.assert_frame_equal(first, second, check_exact=True)
        assert not altered[~own].equals(unaltered[~own])


def test_the_test_fold_is_predicted_as_by_the_trained_model(finished: CrossValidation) -> None:
    folder = finished.project.trained("audio")
    folder.mkdir(parents=True)
    train(finished.project, finished.settings, finished.task, finished.search_result, folder)
    actual = predict(Bundle(folder), finished.task.data.part("test"))
    table = finished.table()
    expected = table[table["fold"].eq(1)]
    assert actual["performance"].tolist() == expected["performance"].tolist()
    np.testing.assert_allclose(
        metrics.probabilities(actual), metrics.probabilities(expected), atol=1e-5
    )
    assert Bundle(folder).config.members == finished.fold(1).configurations


def test_a_finished_fit_is_not_repeated_after_a_kill(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = CrossValidation(
        make_project(root / "stopped"), own_settings=settings(epochs=1), configurations=[LINEAR]
    )
    fits = []

    def count_and_fit(*arguments: Any, **options: Any) -> pd.DataFrame:
        fits.append(1)
        if len(fits) == 3:
            raise KeyboardInterrupt
        return fit(*arguments, **options)

    monkeypatch.setattr(inner_cv, "fit", count_and_fit)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run()
    assert list(interrupted.folder.iterdir()) == []
    interrupted.run()
    # the search left 2 of the 3 that each see one fold; 2 members for each of 3 folds
    assert len(fits) == 1 + 3 * 2 + 1
    assert len(interrupted.table()) == len(dataset())


def test_the_search_of_another_split_is_refused(finished: CrossValidation, tmp_path: Path) -> None:
    result = finished.search_result.model_copy(update={"split_id": "-"})
    with pytest.raises(CorpusError, match="search result of audio was made on split -"):
        crossvalidate(finished.project, finished.settings, finished.task, result, tmp_path)
