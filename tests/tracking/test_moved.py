"""What lies in mlruns/ is found where mlruns/ is, and nothing is written anywhere else."""

import hashlib
import logging
import os
import shutil
import sqlite3
from pathlib import Path

import mlflow
import pytest
from helpers.registered_versions import NAME, new_predictions, new_project, register_version

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.tracking import lookup, moved, store
from avemo.tracking.address import sqlite_uri

URIS = [f"models:/{NAME}@champion", f"models:/{NAME}/1"]
NAMES = {
    "plain": "new",
    "escapes": "job feature%2Fx #1 ?a=b&c",
    "emoji": "ünï 🎭 'quoted'",
    "long": "x" * 250,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Project:
    """A project with one registered version, in its own store; no variable names the store."""
    monkeypatch.setenv(store.TRACKING_URI, "")  # what `connect` sets is put back
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "cache"))
    old = new_project(tmp_path / "old")
    old.tracking.mkdir()
    shutil.copyfile(empty_database, old.tracking / "mlflow.db")
    enter(old, monkeypatch)
    register_version(tmp_path / "files", new_predictions(0.8), alias="champion")
    shutil.rmtree(tmp_path / "files")
    return old


def enter(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect as a new process would, in the project's folder."""
    monkeypatch.delenv(store.TRACKING_URI)
    monkeypatch.setenv("AVEMO_ROOT", str(project.root))
    store.connect(project)
    store.experiment_id(project, "audio")


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.slow
def test_a_moved_project_has_its_versions(
    project: Project,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    new = Project(Path(shutil.move(project.root, tmp_path / name)))
    monkeypatch.delenv(store.TRACKING_URI)
    with caplog.at_level(logging.WARNING):
        enter_line = store.locate(new)
    assert enter_line == sqlite_uri(new.tracking / "mlflow.db")
    (line,) = caplog.messages
    assert f"was {project.root}/mlruns before" in line
    enter(new, monkeypatch)
    assert len(caplog.messages) == 1  # it is said once
    assert main(["registry", "verify", "audio"]) == 0
    assert "every file is as it was registered" in capsys.readouterr().out
    assert lookup._read_database(new.tracking / "mlflow.db", URIS) == lookup._ask_mlflow(URIS)
    register_version(tmp_path / "files", new_predictions(0.9))
    models = [path for path in new.tracking.rglob("MLmodel") if path.parent.name == "artifacts"]
    assert len(models) == 2
    assert not project.root.exists()
    shutil.rmtree(tmp_path / "files")
    assert {path.name for path in tmp_path.iterdir()} <= {name, "cache"}


@pytest.mark.slow
def test_a_copy_never_writes_into_the_original(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(project.root)
    copy = Project(Path(shutil.copytree(project.root, tmp_path / "copy")))
    enter(copy, monkeypatch)
    register_version(tmp_path / "files", new_predictions(0.9))
    (run, *_) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    mlflow.MlflowClient().log_text(run.info.run_id, "later", "later.txt")
    assert contents(project.root) == before
    shutil.rmtree(project.root)
    assert main(["registry", "verify", "audio"]) == 0


def test_a_store_that_cannot_be_written_to_answers(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    new = Project(Path(shutil.move(project.root, tmp_path / "new")))
    writable = moved._open

    def open_database(database: Path, mode: str) -> sqlite3.Connection:
        return writable(database, "ro")  # as SQLite does on a read-only disk

    monkeypatch.setattr(moved, "_open", open_database)
    monkeypatch.delenv(store.TRACKING_URI)
    store.connect(new)
    assert "cannot be written to (attempt to write a readonly database)" in caplog.text
    versions = lookup._read_database(new.tracking / "mlflow.db", URIS)
    assert versions
    for version in versions.values():
        assert version
        path = moved.local_path(version.location)
        assert path
        assert path.is_relative_to(new.tracking)
        assert (path / "MLmodel").is_file()


def test_a_database_without_its_files_is_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = new_project(tmp_path / "alone")
    alone.tracking.mkdir()
    shutil.copyfile(project.tracking / "mlflow.db", alone.tracking / "mlflow.db")
    monkeypatch.delenv(store.TRACKING_URI)
    message = f"copied without the files that it names, which are in {project.root}/mlruns"
    with pytest.raises(AvemoError, match=message):
        store.connect(alone)


def test_a_link_to_the_same_folder_is_no_move(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(project.tracking)
    other = new_project(tmp_path / "other")
    other.tracking.symlink_to(project.tracking)
    monkeypatch.delenv(store.TRACKING_URI)
    store.connect(other)
    assert os.environ[store.TRACKING_URI].endswith("/other/mlruns/mlflow.db")
    assert contents(project.tracking) == before


def test_artifacts_elsewhere_stay_there(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An experiment of the user's own, whose artifacts are in no store of avemo's."""
    elsewhere = (tmp_path / "artifacts" / "mine").as_uri()
    mlflow.create_experiment("other", artifact_location=elsewhere)
    enter(Project(Path(shutil.move(project.root, tmp_path / "new"))), monkeypatch)
    experiment = mlflow.get_experiment_by_name("other")
    assert experiment is not None
    assert experiment.artifact_location == elsewhere
