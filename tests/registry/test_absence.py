"""What somebody deleted or renamed in MLflow is named, and the advised command brings it back."""

import shutil
from pathlib import Path

import mlflow
import numpy as np
import pytest
from helpers.registered_versions import NAME, new_predictions, new_project, register_version

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.media.sound import write_wav
from avemo.paths import Project
from avemo.records import RegisteredVersion, Registration
from avemo.registry.absence import explain_absence
from avemo.tracking import runs, store
from avemo.tracking.integrity import REGISTER_AGAIN

Registered = tuple[Project, RegisteredVersion]


@pytest.fixture
def registered(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Registered:
    """A project with a champion, as the stage `register` leaves it."""
    project = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(project.root))
    project.catalogue.unlink()
    number = register_version(tmp_path / "files", new_predictions(0.8), alias="champion")
    version = mlflow.MlflowClient().get_model_version(NAME, number)
    recorded = RegisteredVersion(
        name=NAME,
        version=number,
        model_id=str(version.source).removeprefix("models:/"),
        run_id=str(version.run_id),
        aliases=["champion"],
    )
    project.registered.parent.mkdir(exist_ok=True)
    Registration(versions={"audio": recorded}).write(project.registered)
    write_wav(tmp_path / "clip.wav", np.sin(np.arange(16000) / 9) / 2, 16000)
    return project, recorded


def rename() -> None:
    mlflow.MlflowClient().rename_registered_model(NAME, "voices")


def delete_version() -> None:
    mlflow.MlflowClient().delete_model_version(NAME, "1")


def delete_model() -> None:
    mlflow.MlflowClient().delete_registered_model(NAME)


def delete_alias() -> None:
    mlflow.MlflowClient().delete_registered_model_alias(NAME, "champion")


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (rename, "its version 1 is version 1 of voices now: rename that back in MLflow, or"),
        (delete_version, "version 1 was deleted in MLflow:"),
        (delete_model, "is not in this registry: if it was deleted in MLflow,"),
        (delete_alias, "version 1 has no alias any more:"),
    ],
)
def test_a_version_that_is_gone_is_explained(
    registered: Registered,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    act: type,
    reason: str,
) -> None:
    act()
    expected = f"{reason} register it again: {REGISTER_AGAIN}"
    assert main(["predict", str(tmp_path / "clip.wav")]) == 1
    assert expected in capsys.readouterr().err
    assert main(["status"]) == 0
    assert f"{NAME}: " in (out := capsys.readouterr().out)
    assert expected in out


def test_another_folder_has_no_store(
    registered: Registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.TRACKING_URI, f"sqlite:///{tmp_path}/other.db")
    assert "was registered, but not in this folder" in explain_absence(registered[1])
    assert not (tmp_path / "other.db").exists()


@pytest.mark.slow
def test_a_deleted_run_comes_back(
    registered: Registered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = registered[1].run_id
    mlflow.MlflowClient().delete_run(run_id)
    advised = f"avemo runs restore {run_id}"
    assert main(["status"]) == 0
    assert f"{NAME} version 1: its run was deleted: bring it back with `{advised}`" in (
        capsys.readouterr().out
    )
    message = f"that trained this model was deleted at .*{advised}"
    with pytest.raises(AvemoError, match=message), runs.reopen(run_id):
        pass
    assert main(advised.split()[1:]) == 0
    assert capsys.readouterr().out.endswith(" is back\n")
    with runs.reopen(run_id):
        mlflow.log_metric("test_uar", 0.75)
    assert main(["status"]) == 0
    assert "0.750" in (out := capsys.readouterr().out)
    assert "deleted" not in out
    assert main(advised.split()[1:]) == 0
    assert capsys.readouterr().out == f"the run {run_id} is not deleted\n"


def test_a_run_whose_reopening_fails_stays_as_it_ended(registered: Registered) -> None:
    client = mlflow.MlflowClient()
    before = client.get_run(registered[1].run_id).info
    with pytest.raises(OSError, match="full"), runs.reopen(before.run_id):
        raise OSError("full")
    after = client.get_run(before.run_id).info
    assert (after.status, after.end_time) == ("FINISHED", before.end_time)


def test_a_deleted_experiment_comes_back(
    registered: Registered, capsys: pytest.CaptureFixture[str]
) -> None:
    project, version = registered
    experiment = store.experiment_id(project, "audio")
    mlflow.delete_experiment(experiment)
    with pytest.raises(AvemoError, match="`avemo runs restore avemo/audio`"):
        store.experiment_id(project, "audio")
    assert main(["runs", "restore", "avemo/audio"]) == 0
    assert capsys.readouterr().out == "the experiment avemo/audio is back, with its runs\n"
    assert store.experiment_id(project, "audio") == experiment
    with runs.reopen(version.run_id):
        pass
    assert main(["runs", "restore", "nothing"]) == 1
    assert "has no run and no experiment 'nothing'" in capsys.readouterr().err


def test_an_erased_run_takes_its_figures_and_nothing_else(
    registered: Registered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = registered[1].run_id
    client = mlflow.MlflowClient()
    client.delete_run(run_id)
    client._tracking_client.store._hard_delete_run(run_id)
    assert main(["status"]) == 0
    assert f"its run {run_id} is not in this store any more" in capsys.readouterr().out
    assert main(["registry", "verify", "audio"]) == 0


def test_lost_files_are_no_sign_of_a_change(
    registered: Registered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "artifacts")
    assert main(["predict", str(tmp_path / "clip.wav")]) == 1
    err = capsys.readouterr().err
    assert "and none of its files is there any more" in err
    assert REGISTER_AGAIN in err
    assert "not as it was registered" not in err
    assert main(["registry", "verify"]) == 1
    assert capsys.readouterr().out.endswith(": none of its files is there any more\n")
