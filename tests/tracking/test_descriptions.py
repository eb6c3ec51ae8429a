"""What a newcomer reads in the MLflow UI."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from avemo.cli.status import describe_next_steps
from avemo.modalities import Modality
from avemo.paths import Project
from avemo.status import CorpusStatus, ModelStatus, ProjectStatus, VersionStatus
from avemo.tracking import store


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project with a store of its own."""
    monkeypatch.delenv(store.TRACKING_URI, raising=False)
    monkeypatch.setenv(store.TRACKING_URI, "")  # put back what `connect` sets
    monkeypatch.delenv(store.TRACKING_URI)
    project = Project(tmp_path)
    store.connect(project)
    yield project
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


def names() -> set[str]:
    return {experiment.name for experiment in mlflow.MlflowClient().search_experiments()}


@pytest.mark.parametrize("name", ["audio", "visual", "fused", "baselines"])
@pytest.mark.slow
def test_an_experiment_says_what_it_holds(project: Project, name: str) -> None:
    experiment = mlflow.get_experiment(store.experiment_id(project, name))
    assert len(experiment.tags["mlflow.note.content"]) > 80
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


@pytest.mark.slow
def test_an_empty_default_goes_and_a_used_one_stays(project: Project) -> None:
    assert names() == {"Default"}
    store.experiment_id(project, "audio")
    assert names() == {"avemo/audio"}
    client = mlflow.MlflowClient()
    client.restore_experiment("0")
    client.create_run("0")
    store.experiment_id(project, "visual")
    assert names() == {"Default", "avemo/audio", "avemo/visual"}


@pytest.mark.slow
def test_the_default_of_another_store_is_left_alone(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.TRACKING_URI, f"sqlite:///{tmp_path}/other.db")
    store.experiment_id(project, "audio")
    assert names() == {"Default", "avemo/audio"}


def test_the_addresses_of_the_champions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(store.TRACKING_URI, raising=False)
    version = VersionStatus("2", ["champion"], "cnn", "ab", "1", "0.5", "0.5")
    older = VersionStatus("1", ["previous"], "cnn", "cd", "1", "0.5", "0.5")
    models: dict[Modality, ModelStatus] = {"audio": ModelStatus([version, older])}
    status = ProjectStatus(str(tmp_path), "path", False, None, None, {}, models, [])
    text = describe_next_steps(status)
    ui = "http://127.0.0.1:5000/#/"
    assert "mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db " in text
    assert f"{ui}experiments?workflowType=machine_learning\n" in text
    assert f"{ui}compare-runs?runs=%5B%22ab%22%5D&experiments=%5B%221%22%5D&" in text
    assert f"{ui}models/avemo-audio/versions/2?workflowType=machine_learning\n" in text
    monkeypatch.setenv(store.TRACKING_URI, "https://mlflow.example")
    assert "https://mlflow.example/#/models/avemo-audio/versions/2?" in describe_next_steps(status)
    assert "mlflow ui" not in describe_next_steps(status)


def test_what_to_do_next_depends_on_what_was_trained_on(tmp_path: Path) -> None:
    def describe(source: str, films: int, *versions: VersionStatus) -> str:
        corpus = CorpusStatus(1440, 1440, 24, 0, films, "data/raw/a.wav")
        models: dict[Modality, ModelStatus] = {"visual": ModelStatus([*versions])}
        synthetic = source == "sample"
        return describe_next_steps(
            ProjectStatus(str(tmp_path), source, synthetic, corpus, None, {}, models, [])
        )

    champion = VersionStatus("1", ["champion"], "cnn", "ab", "1", "0.5", "0.5", "zenodo")
    sample = VersionStatus("1", ["champion"], "cnn", "ab", "1", "0.5", "0.5", "sample (synthetic)")
    candidate = VersionStatus("2", ["candidate"], "cnn", "cd", "1", "0.6", "0.6", "zenodo")
    first = describe("sample", 100, sample)
    assert "make ravdess   " in first
    assert "know the synthetic sample alone" not in first
    without_films = describe("zenodo", 0, sample)
    assert "make ravdess VIDEO=1 " in without_films
    assert "avemo-visual know the synthetic sample alone" in without_films
    with_films = describe("zenodo", 100, candidate, champion)
    assert "make ravdess" not in with_films
    assert "synthetic" not in with_films
    assert "avemo registry promote visual     the candidate, version 2" in with_films
    assert "make ravdess" not in describe("path", 0, champion)
