"""A version goes to another registry with its run and files, or not at all."""

from pathlib import Path
from typing import NoReturn

import mlflow
import pandas as pd
import pytest
from helpers.registered_versions import (
    NAME,
    new_predictions,
    new_project,
    read_aliases,
    register_version,
)
from helpers.registry_fixture import copy_empty_database

from avemo.cli import main
from avemo.paths import Project
from avemo.tracking import integrity


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    created = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    register_version(tmp_path / "a", new_predictions(0.8), alias="champion")
    return created


@pytest.fixture
def other(tmp_path: Path) -> str:
    copy_empty_database(tmp_path / "production" / "mlflow.db")
    return f"sqlite:///{tmp_path}/production/mlflow.db"


@pytest.mark.slow
def test_to_another_registry(
    project: Project,
    other: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uri = f"models:/{NAME}@champion"
    source = mlflow.MlflowClient()
    before = source.get_model_version(NAME, "1")
    assert before.run_id is not None
    run = source.get_run(before.run_id)
    assert main(["registry", "copy", uri, "--to", other]) == 0
    message = (
        f"avemo-audio version 1 is copied, every file as it was registered: {NAME} version 1 at"
    )
    assert message in capsys.readouterr().out
    target = mlflow.MlflowClient(other, other)
    created = target.get_model_version_by_alias(NAME, "candidate")
    assert created.tags == before.tags | {"avemo.copied_from": "avemo-audio version 1"}
    assert created.run_id is not None
    copied = target.get_run(created.run_id)
    assert copied.data.metrics == run.data.metrics
    assert copied.data.tags["avemo.copied_from"] == before.run_id
    assert (copied.info.start_time, copied.info.end_time) == (run.info.start_time,
                                                              run.info.end_time)  # fmt: skip
    assert main(["registry", "copy", uri, "--to", other]) == 0
    assert "is there already" in capsys.readouterr().out
    assert len(target.search_model_versions(f"name = '{NAME}'")) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", other)
    assert main(["registry", "verify"]) == 0
    assert main(["registry", "promote"]) == 0
    assert read_aliases() == {"candidate": "1", "champion": "1"}
    for file in tmp_path.joinpath("artifacts").rglob("*"):
        if file.is_file():
            file.unlink()  # it needs nothing of where it came from
    answer = mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"media": [b"clip"]}))
    assert list(answer["emotion"]) == ["calm"]


@pytest.mark.slow
def test_within_one_registry(
    project: Project, registry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["registry", "copy", f"models:/{NAME}/1", "--to", registry, "--name", "avemo-visual"]
    assert main(command) == 0
    assert "avemo-visual version 1" in capsys.readouterr().out
    created = mlflow.MlflowClient().get_model_version_by_alias("avemo-visual", "candidate")
    assert integrity.verify_version(created) == []
    assert main(["registry", "promote", "visual"]) == 0


def test_a_changed_file_does_not_travel(
    project: Project, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = (tmp_path / "artifacts").rglob("predictions.csv")
    file.write_bytes(file.read_bytes() + b"\n")
    assert main(["registry", "copy", f"models:/{NAME}/1", "--to", other]) == 1
    assert "predictions.csv is changed" in capsys.readouterr().err
    assert mlflow.MlflowClient(other, other).search_registered_models() == []


def test_a_file_that_is_changed_on_the_way(
    project: Project,
    other: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upload = mlflow.MlflowClient.log_model_artifacts

    def torn(
        self: mlflow.MlflowClient, model_id: str, folder: str, artifact_path: str | None = None
    ) -> None:
        Path(folder, "MLmodel").write_text("torn")
        upload(self, model_id, folder, artifact_path)

    monkeypatch.setattr(mlflow.MlflowClient, "log_model_artifacts", torn)
    assert main(["registry", "copy", f"models:/{NAME}/1", "--to", other]) == 1
    assert "MLmodel is changed" in capsys.readouterr().err
    assert mlflow.MlflowClient(other, other).search_registered_models() == []


@pytest.mark.slow
def test_an_interrupted_copy_leaves_no_files_that_belong_to_no_version(
    project: Project, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = mlflow.MlflowClient.create_model_version

    def interrupt(*arguments: object, **options: object) -> NoReturn:
        raise KeyboardInterrupt

    command = ["registry", "copy", f"models:/{NAME}/1", "--to", other]
    monkeypatch.setattr(mlflow.MlflowClient, "create_model_version", interrupt)
    assert main(command) == 1
    monkeypatch.setattr(mlflow.MlflowClient, "create_model_version", create)
    assert main(command) == 0
    assert main([*command, "--name", "avemo-visual"]) == 0  # a second version with the same files
    target = mlflow.MlflowClient(other, other)
    experiment = target.get_experiment_by_name("avemo/audio")
    assert experiment is not None
    models = target.search_logged_models([experiment.experiment_id])
    assert {f"models:/{model.model_id}" for model in models} == {
        version.source for version in target.search_model_versions()
    }
    assert len(models) == 2


def test_what_cannot_be_copied(
    project: Project, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for uri, to, message in (
        (f"models:/{NAME}@candidate", other, "is no version at"),
        (f"models:/{NAME}/1", "http://127.0.0.1:1", "does not answer"),
    ):
        assert main(["registry", "copy", uri, "--to", to]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
