"""The champion moves if the check passes, goes back, and is one at every moment."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import mlflow
import pytest
from helpers.registered_versions import (
    NAME,
    ROOT,
    new_predictions,
    new_project,
    read_aliases,
    register_version,
)

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.registry import history, lock

GOOD, BAD, BETTER = 0.85, 0.55, 0.9


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    created = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    return created


def moves() -> list[history.Move]:
    return history.parse_moves(mlflow.MlflowClient().get_registered_model(NAME).tags)


def test_four_moves(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A first, a worse one by force, back, and a better one."""
    register_version(tmp_path / "a", new_predictions(GOOD))
    assert main(["registry", "promote", "audio"]) == 0
    assert read_aliases() == {"candidate": "1", "champion": "1"}
    register_version(tmp_path / "b", new_predictions(BAD, seed=2))
    capsys.readouterr()
    assert main(["registry", "promote", "audio"]) == 1
    out = capsys.readouterr().out
    assert "UAR less the champion's" in out
    assert "avemo-audio: version 2 does not become the champion" in out
    assert read_aliases() == {"candidate": "2", "champion": "1"}
    assert main(["registry", "promote", "audio", "--force", "--reason", "a trial"]) == 0
    assert read_aliases() == {"candidate": "2", "champion": "2", "previous": "1"}
    assert main(["registry", "rollback", "audio", "--reason", "it was bad"]) == 0
    assert read_aliases() == {"candidate": "2", "champion": "1"}
    register_version(tmp_path / "c", new_predictions(BETTER, seed=3))
    assert main(["registry", "promote"]) == 0
    assert read_aliases() == {"candidate": "3", "champion": "3", "previous": "1"}
    capsys.readouterr()
    assert main(["registry", "history", "audio"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "promote: to 1  by " in lines[0]
    assert "check passed" in lines[0]
    assert "promote: version 1 to 2" in lines[1]
    assert "check refused: " in lines[1]
    assert lines[1].endswith("reason: a trial")
    assert "rollback: version 2 to 1" in lines[2]
    assert lines[2].endswith("reason: it was bad")
    assert "promote: version 1 to 3" in lines[3]
    models = [model.name for model in mlflow.MlflowClient().search_registered_models()]
    assert models == [NAME]  # no claim stays behind


@pytest.mark.slow
def test_a_second_rollback_goes_further_back(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abc":
        register_version(tmp_path / name, new_predictions(GOOD))
        assert main(["registry", "promote", "audio"]) == 0
    assert main(["registry", "rollback", "audio"]) == 0
    assert read_aliases() == {"candidate": "3", "champion": "2", "previous": "1"}
    assert main(["registry", "rollback", "audio"]) == 0
    assert read_aliases() == {"candidate": "3", "champion": "1"}
    assert main(["registry", "rollback", "audio"]) == 1
    assert "avemo-audio has no version to return to" in capsys.readouterr().err


@pytest.mark.slow
def test_the_champion_stays_the_champion(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "a", new_predictions(GOOD))
    for _ in range(2):
        assert main(["registry", "promote", "audio"]) == 0
    assert "version 1 is the champion already" in capsys.readouterr().out
    assert len(moves()) == 1


def test_force_wants_a_reason(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "a", new_predictions(BAD))
    assert main(["registry", "promote", "audio", "--force"]) == 1
    assert "--force wants a reason" in capsys.readouterr().err
    assert read_aliases() == {"candidate": "1"}


def test_nothing_to_roll_back(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "rollback", "audio"]) == 1
    assert "avemo-audio has no champion" in capsys.readouterr().err


@pytest.mark.slow
def test_a_damaged_champion_is_replaced_by_force_alone(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "a", new_predictions(GOOD))
    assert main(["registry", "promote", "audio"]) == 0
    (file,) = (tmp_path / "artifacts").rglob("bundle.json")
    file.write_text(file.read_text() + " ")
    register_version(tmp_path / "b", new_predictions(GOOD))
    assert main(["registry", "promote", "audio"]) == 1
    assert "bundle.json is changed" in capsys.readouterr().out
    assert main(["registry", "promote", "audio", "--force", "--reason", "damaged"]) == 0
    assert read_aliases()["champion"] == "2"
    assert main(["registry", "rollback", "audio"]) == 1
    assert "models:/avemo-audio/1 is not as it was registered" in capsys.readouterr().err
    assert read_aliases()["champion"] == "2"


def promoting(project: Project, registry: str, before: str = "") -> subprocess.Popen[str]:
    """`avemo registry promote audio` in a process of its own, after some code there."""
    code = """
        import os, signal, sys
        from mlflow import MlflowClient
        from avemo.cli import main
    """
    code = textwrap.dedent(code) + textwrap.dedent(before)
    code += "\nsys.exit(main(['registry', 'promote', 'audio']))"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": registry},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


WAITS = """
    create = MlflowClient.create_registered_model
    def later(*arguments, **named):
        print("checked", flush=True)
        sys.stdin.readline()
        return create(*arguments, **named)
    MlflowClient.create_registered_model = later
"""


def wait_for_check(process: subprocess.Popen[str]) -> None:
    """Return when a process with `WAITS` has checked its candidate."""
    assert process.stdout is not None
    assert process.stderr is not None
    while "checked" not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()


@pytest.mark.slow
def test_two_at_once(project: Project, registry: str, tmp_path: Path) -> None:
    """Both have checked their candidate before either moves the champion."""
    register_version(tmp_path / "a", new_predictions(GOOD))
    both = [promoting(project, registry, WAITS) for _ in range(2)]
    for process in both:
        wait_for_check(process)
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=600) for process in both]
    assert read_aliases() == {"candidate": "1", "champion": "1"}
    (move,) = moves()
    assert (move.kind, move.target, move.state) == ("promote", "1", "done")
    errors = [err + out for out, err in ended if "is the champion\n" not in out]
    assert len(errors) == 1
    assert any(text in errors[0] for text in ("is moving the champion", "moved the champion",
                                            "the champion already")), errors  # fmt: skip


@pytest.mark.slow
def test_a_champion_that_moved_during_the_check(
    project: Project, registry: str, tmp_path: Path
) -> None:
    register_version(tmp_path / "a", new_predictions(GOOD), alias="champion")
    register_version(tmp_path / "b", new_predictions(GOOD))
    slow = promoting(project, registry, WAITS)
    wait_for_check(slow)
    register_version(tmp_path / "c", new_predictions(GOOD), alias="champion")
    _, err = slow.communicate("\n", timeout=600)
    assert slow.returncode == 1
    assert "became version 3 while version 2 was checked against version 1" in err
    assert read_aliases()["champion"] == "3"
    assert moves() == []


DIES = """
    inner = MlflowClient.{method}
    def dies(self, name, key, *more, **named):
        if {when} and str(key).startswith({key!r}):
            {first}
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(self, name, key, *more, **named)
    MlflowClient.{method} = dies
"""
TAG, ALIAS, CALL = (
    "set_registered_model_tag",
    "set_registered_model_alias",
    "inner(self, name, key, *more)",
)
#: the call that is the last, what of it, and the champion that is left
POINTS = {
    "with the claim": (TAG, "avemo.move", "pass", "2"),
    "written down": (TAG, "avemo.move", CALL, "2"),
    "before previous": (ALIAS, "previous", "pass", "2"),
    "before champion": (ALIAS, "champion", "pass", "2"),
    "after champion": (ALIAS, "champion", CALL, "3"),
    "before the mark": (TAG, "avemo.move", "pass", "3"),
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.slow
def test_killed_on_the_way(project: Project, registry: str, tmp_path: Path, point: str) -> None:
    for name in "ab":
        register_version(tmp_path / name, new_predictions(GOOD))
        assert main(["registry", "promote", "audio"]) == 0
    register_version(tmp_path / "c", new_predictions(GOOD))
    method, key, first, champion = POINTS[point]
    when = "'done' in str(more)" if point == "before the mark" else "True"
    code = DIES.format(method=method, key=key, first=first, when=when)
    killed = promoting(project, registry, code)
    killed.communicate(timeout=600)
    assert killed.returncode == -signal.SIGKILL
    assert read_aliases()["champion"] == champion
    assert main(["registry", "promote", "audio"]) == 0
    assert read_aliases() == {"candidate": "3", "champion": "3", "previous": "2"}
    states = [move.state for move in moves()]
    assert "begun" not in states
    done = [move.target for move in moves() if move.state == "done"]
    assert done == ["1", "2", "3"]
    assert [model.name for model in mlflow.MlflowClient().search_registered_models()] == [NAME]
    assert main(["registry", "rollback", "audio"]) == 0
    assert read_aliases() == {"candidate": "3", "champion": "2", "previous": "1"}


def test_a_live_claim_is_respected(project: Project, tmp_path: Path) -> None:
    client = mlflow.MlflowClient()
    refused = pytest.raises(AvemoError, match="is moving the champion of avemo-audio")
    with (
        lock.promotion_lock(client, NAME, project.root),
        refused,
        lock.promotion_lock(client, NAME, project.root),
    ):
        pass
    with lock.promotion_lock(client, NAME, project.root):
        pass


def test_who_comes_late_for_an_abandoned_claim_takes_nobody_s(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It saw the first claim abandoned; meanwhile that was cleared away and claimed anew."""
    client = mlflow.MlflowClient()
    create = lock._create
    calls = []

    def slow(client: mlflow.MlflowClient, name: str, root: Path) -> bool:
        calls.append(name)
        if len(calls) == 1:
            return False  # the abandoned one is there
        assert create(client, f"{NAME}.moving-0", root)  # somebody claims anew
        return create(client, name, root)

    monkeypatch.setattr(lock, "_create", slow)
    abandoned = lock._require_abandoned
    checks = iter([lambda *arguments: None, abandoned])
    monkeypatch.setattr(lock, "_require_abandoned", lambda *arguments: next(checks)(*arguments))
    with (
        pytest.raises(AvemoError, match="is moving"),
        lock.promotion_lock(client, NAME, project.root),
    ):
        pass
    (remaining,) = client.search_registered_models()
    assert remaining.name == f"{NAME}.moving-0"


def test_what_a_rollback_returns_to() -> None:
    def move(
        kind: history.Kind, source: str, target: str, state: history.State = "done"
    ) -> history.Move:
        return history.Move(1, "", "", kind, source, target, "", "", state)

    first, second = move("promote", "", "1"), move("promote", "1", "2")
    back = move("rollback", "2", "1")
    assert history.rollback_target([]) == ""
    assert history.rollback_target([first]) == ""
    assert history.rollback_target([first, second]) == "1"
    assert history.rollback_target([first, second, back]) == ""
    assert history.rollback_target([first, second, back, move("promote", "1", "3")]) == "1"
    assert history.rollback_target([first, second, move("promote", "2", "3", "interrupted")]) == "1"
