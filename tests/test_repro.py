"""What DVC would stop at is said by avemo before DVC is started."""

import shutil
from pathlib import Path

import pytest
from helpers.checkout import ROOT
from helpers.git_repository import git

from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.repro import reproduce


class _Started(Exception):
    """DVC would run now."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    def execve(*_: object) -> None:
        raise _Started

    monkeypatch.setattr("os.execve", execve)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "project"
    for name in ("openface", ".dvc", "study"):
        (root / name).mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml", "study/dvc.yaml", ".dvc/config"):
        shutil.copyfile(ROOT / name, root / name)
    git(root, "init", "--quiet")
    return Project(root)


def test_a_project_that_is_right(project: Project) -> None:
    with pytest.raises(_Started):
        reproduce(project, ["fetch"])
    with pytest.raises(_Started):
        reproduce(project, ["baselines@lstm"], project.study)


@pytest.mark.parametrize("file", ["params.yaml", "dvc.yaml", "study/dvc.yaml"])
@pytest.mark.parametrize(
    "content",
    [
        b"a: [\n",
        b"a: {b: 1, c\n",
        b"\tx",
        b"- 1\n",
        b"",
        b"stages: 3\n",
        b"\xff",
        b"stages: {a: 3}",
    ],
)
def test_no_yaml(project: Project, file: str, content: bytes) -> None:
    (project.root / file).write_bytes(content)
    with pytest.raises(AvemoError) as caught:
        reproduce(project, [], project.study if file.startswith("study") else None)
    assert file in str(caught.value)


@pytest.mark.parametrize("missing", ["params.yaml", "dvc.yaml", ".git", ".dvc"])
def test_what_is_missing(project: Project, missing: str) -> None:
    (project.root / missing).rename(project.root.parent / "away")
    with pytest.raises(AvemoError, match=r"git|checkout"):
        reproduce(project, [])
    if missing == ".git":
        with (project.root / ".dvc" / "config.local").open("w") as config:
            config.write("[core]\n    no_scm = true\n")
        with pytest.raises(_Started):
            reproduce(project, [])


def test_git_that_refuses_is_heard(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(AvemoError, match=r"safe\.directory"):
        reproduce(project, [])


@pytest.mark.parametrize("content", [b"", b'{"read": {"data/raw"', b"\xff"])
def test_a_damaged_lock_of_dvc_is_deleted(
    project: Project, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    lock = project.root / ".dvc" / "tmp" / "rwlock"
    lock.parent.mkdir()
    lock.write_bytes(content)
    with pytest.raises(_Started):
        reproduce(project, ["fetch"])
    assert not lock.exists()
    assert f"{lock} was damaged" in caplog.text
    lock.write_text("{}")
    with pytest.raises(_Started):
        reproduce(project, ["fetch"])
    assert lock.exists()
