"""One process, or one shell, that works with two projects writes into the one that it is in."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from helpers.registered_versions import (
    ROOT,
    new_predictions,
    new_project,
    read_aliases,
    register_version,
)
from helpers.servers import free_port

from avemo.cli import main
from avemo.paths import Project
from avemo.report.import_runs import _connected
from avemo.tracking import store


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable names a store; what `connect` sets is put back."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (store.TRACKING_URI, store.CONNECTED, "AVEMO_ROOT"):
            patch.setenv(name, "")
            os.environ.pop(name)
        yield


def new_project_with_store(folder: Path, empty_database: Path) -> Project:
    project = new_project(folder)
    project.tracking.mkdir()
    shutil.copyfile(empty_database, project.tracking / "mlflow.db")
    return project


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Return the checksum and time of change of each file and folder."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if not path.name.endswith(("-wal", "-shm"))
    }


@pytest.mark.slow
@pytest.mark.parametrize("process", ["this", "child"])
def test_a_promotion_in_a_copy_writes_nothing_into_the_first_project(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "cache"))
    original = new_project_with_store(tmp_path / "original", empty_database)
    monkeypatch.chdir(original.root)
    store.connect(original)
    store.experiment_id(original, "audio")
    register_version(tmp_path / "a", new_predictions(0.8), alias="champion")
    register_version(tmp_path / "b", new_predictions(0.9))
    assert main(["status"]) == 0
    copy = Project(Path(shutil.copytree(original.root, tmp_path / "copy")))
    before = contents(original.root)
    monkeypatch.chdir(copy.root)
    command = ["registry", "promote", "audio"]
    if process == "this":
        assert main(["status"]) == 0
        assert main(command) == 0
    else:
        subprocess.run(
            [sys.executable, "-m", "avemo.cli", *command],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
    assert contents(original.root) == before
    aliases = {"candidate": "2", "champion": "2", "previous": "1"}
    store.connect(copy)
    assert read_aliases() == aliases
    (run, *_) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    mlflow.MlflowClient().log_text(run.info.run_id, "later", "later.txt")
    assert contents(original.root) == before
    store.connect(original)
    assert read_aliases()["champion"] == "1"
    assert main(["registry", "verify", "audio"]) == 0
    shutil.rmtree(original.root)
    store.connect(copy)
    assert read_aliases()["champion"] == "2"


def test_a_store_that_the_user_names_holds_for_every_project(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (
        new_project_with_store(tmp_path / name, empty_database) for name in ("a", "b", "c")
    )
    uri = store.default_uri(third)
    monkeypatch.setenv(store.TRACKING_URI, uri)
    for project in (first, second):
        assert store.locate(project) == uri == os.environ[store.TRACKING_URI]
    monkeypatch.delenv(store.TRACKING_URI)
    assert store.locate(first) == store.default_uri(first)
    assert store.named_uri(second) is None
    with store.connected(second):
        assert os.environ[store.TRACKING_URI] == store.default_uri(second)
    assert os.environ[store.TRACKING_URI] == store.default_uri(first)
    assert store.named_uri(second) is None
    with _connected(first, second):
        assert os.environ[store.TRACKING_URI] == store.default_uri(second)
    monkeypatch.setenv(store.TRACKING_URI, uri)
    assert store.locate(second) == uri


def test_the_spool_of_one_project_is_not_the_other_s(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (new_project_with_store(tmp_path / name, empty_database) for name in "ab")
    server = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(store.TRACKING_URI, server)
    store.connect(first)
    assert os.environ[store.TRACKING_URI] == store.spool_uri(first)
    assert store.locate(first) == store.spool_uri(first)
    assert store.named_uri(second) == server
    store.connect(second)
    assert os.environ[store.TRACKING_URI] == store.spool_uri(second)
