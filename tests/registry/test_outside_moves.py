"""Somebody moves the champion in MLflow's UI: it is noticed once, and the gate says what it is."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from helpers.atom import ATOM, require_valid_feed
from helpers.forgery import stored_files
from helpers.registered_versions import (
    NAME,
    new_predictions,
    new_project,
    read_aliases,
    register_version,
)

from avemo.cli import main
from avemo.paths import Project
from avemo.registry import history
from avemo.registry.lock import promotion_lock
from avemo.registry.outside_moves import find_outside_move
from avemo.serving import registry_view

GOOD, BAD = 0.85, 0.3


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two versions: the first, good, was promoted; the second is bad."""
    created = new_project(tmp_path / "project", max_latency_ratio=100.0)
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    register_version(tmp_path / "a", new_predictions(GOOD))
    assert main(["registry", "promote", "audio"]) == 0
    register_version(tmp_path / "b", new_predictions(BAD, seed=2))
    return created


def set_champion(version: str) -> None:
    """Move the alias as MLflow's UI does."""
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", version)


def moves() -> list[history.Move]:
    return history.parse_moves(mlflow.MlflowClient().get_registered_model(NAME).tags)


def read_history(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    capsys.readouterr()
    assert main(["registry", "history", "audio", *options]) == 0
    return capsys.readouterr().out


@pytest.mark.slow
def test_a_move_is_recorded_once_and_judged(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    set_champion("2")
    first, outside = read_history(capsys).splitlines()
    assert "promote: to 1  by " in first
    assert (
        f"  {NAME}  moved outside avemo: version 1 to 2  by unknown  gate: failed: UAR" in outside
    )
    assert read_history(capsys).splitlines() == [first, outside]
    assert read_aliases() == {"candidate": "2", "champion": "2", "previous": "1"}
    set_champion("1")
    third = read_history(capsys).splitlines()[2]
    assert "moved outside avemo: version 2 to 1  by unknown  gate: passed" in third
    assert "previous" not in read_aliases()  # it was a rollback, as it were
    assert [move.kind for move in moves()] == ["promote", "outside", "outside"]


@pytest.mark.slow
def test_the_feed_has_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    set_champion("2")
    newest, _ = require_valid_feed(read_history(capsys, "--format", "atom"))
    assert newest.findtext(f"{ATOM}title") == f"{NAME}: moved outside avemo: version 1 to 2"
    assert newest.findtext(f"{ATOM}author/{ATOM}name") == "unknown"
    assert "gate: failed: UAR" in (newest.findtext(f"{ATOM}content") or "")
    assert main(["registry", "history", "audio", "--format", "rss"]) == 2


@pytest.mark.slow
def test_a_rollback_takes_it_back(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    set_champion("2")
    assert main(["registry", "rollback", "audio"]) == 0
    assert read_aliases()["champion"] == "1"
    kinds = [(move.kind, move.source, move.target) for move in moves()]
    assert kinds[1:] == [("outside", "1", "2"), ("rollback", "2", "1")]
    assert "gate: failed: UAR" in read_history(capsys).splitlines()[1]


@pytest.mark.slow
def test_a_promotion_writes_it_down_first(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_champion("2")
    register_version(tmp_path / "c", new_predictions(GOOD))
    assert main(["registry", "promote", "audio"]) == 0
    kinds = [(move.kind, move.source, move.target) for move in moves()]
    assert kinds[1:] == [("outside", "1", "2"), ("promote", "2", "3")]
    assert read_aliases()["previous"] == "2"
    assert len(read_history(capsys).splitlines()) == 3


@pytest.mark.slow
def test_an_alias_that_is_taken_away(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    mlflow.MlflowClient().delete_registered_model_alias(NAME, "champion")
    lines = read_history(capsys).splitlines()
    assert lines[1].endswith("moved outside avemo: version 1 to none  by unknown")
    assert read_history(capsys).splitlines() == lines
    set_champion("1")
    assert "moved outside avemo: to 1" in read_history(capsys).splitlines()[2]


@pytest.mark.slow
def test_a_version_whose_files_were_changed_fails(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = stored_files("2").rglob("bundle.json")
    file.write_text("{}")
    set_champion("2")
    assert read_history(capsys).splitlines()[1].endswith("gate: failed: files")


@pytest.mark.slow
def test_a_move_under_way_is_nobody_else_s(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    client = mlflow.MlflowClient()
    begun = history.new_move(moves(), project.root, "promote", source="1", target="2")
    assert find_outside_move([*moves(), begun], {"champion": "2"}, project.root) is None
    set_champion("2")
    with promotion_lock(client, NAME, project.root):
        capsys.readouterr()
        assert main(["registry", "history", "audio"]) == 0
        out, err = capsys.readouterr()
        assert "is moving the champion of avemo-audio" in err
        assert out.splitlines()[1] == f"{NAME}: the champion is version 2"
        # a service shows it, and leaves the record to whoever looks next
        shown = registry_view._read_moves(client, NAME)
        assert (shown[-1].kind, shown[-1].target, shown[-1].check) == ("outside", "2", "")
        assert len(moves()) == 1
    recorded = registry_view._read_moves(client, NAME)
    assert recorded[-1].check.startswith("refused: UAR")
    assert recorded == moves()


def test_a_model_without_a_version_has_no_history(
    registry: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    assert read_history(capsys) == f"{NAME}: the champion is absent\n"
    assert require_valid_feed(read_history(capsys, "--format", "atom")) == []


@pytest.mark.slow
def test_two_who_look_at_once_record_one(project: Project) -> None:
    set_champion("2")
    command = [sys.executable, "-m", "avemo.cli", "registry", "history", "audio"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    processes = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(600) for process in processes] == [0, 0]
    assert [move.kind for move in moves()] == ["promote", "outside"]
