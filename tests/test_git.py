"""The commit and the changes are recorded wherever Git works, and its refusals are said."""

import shutil
from pathlib import Path

import pytest
from helpers.git_repository import git

from avemo.errors import AvemoError
from avemo.git import read_commit
from avemo.tracking import git_state


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "avemo").mkdir(parents=True)
    (root / "avemo" / "a.py").write_text("a = 1\n")
    git(tmp_path, "init", "--quiet", root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "a")
    return root


def require_commit_and_diff(root: Path, commit: str) -> None:
    """Require that the commit, and a change in a file that is there and in a new one, are read."""
    assert git_state.read(root) == git_state.GitState(commit, b"")
    (root / "avemo" / "a.py").write_text("a = 2\n")
    (root / "avemo" / "b.py").write_text("b = 1\n")
    (root / "avemo" / "empty.py").touch()
    state = git_state.read(root)
    assert state.commit == commit
    assert b"+a = 2" in state.diff
    assert b"+b = 1" in state.diff


def test_a_refusal_is_said_in_git_s_own_words(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch, for its tests
    with pytest.raises(AvemoError, match=f"dubious ownership.*--add safe.directory {repository}"):
        git_state.read(repository)


@pytest.mark.parametrize("language", ["", "de_DE.UTF-8"])
def test_outside_a_repository_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("LC_ALL", language)
    assert git_state.read(tmp_path) == git_state.GitState("", b"")


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert git_state.read(tmp_path) == git_state.GitState("", b"")


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert git_state.read(repository) == git_state.GitState("", b"")


def test_a_linked_worktree_and_one_whose_repository_went_away(repository: Path) -> None:
    tree = repository.with_name("tree")
    git(repository, "worktree", "add", "--quiet", tree)
    require_commit_and_diff(tree, git(repository, "rev-parse", "HEAD"))
    repository.rename(repository.with_name("moved"))
    with pytest.raises(AvemoError, match="not a git repository: "):
        git_state.read(tree)


def test_a_shallow_clone(repository: Path, tmp_path: Path) -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "b")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), clone)
    require_commit_and_diff(clone, git(repository, "rev-parse", "HEAD"))


def test_a_submodule(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    git(tmp_path, "init", "--quiet", outer)
    allowed = ("-c", "protocol.file.allow=always")
    git(outer, *allowed, "submodule", "--quiet", "add", repository.as_uri(), "inner")
    require_commit_and_diff(outer / "inner", git(repository, "rev-parse", "HEAD"))


def test_a_project_below_the_repository_s_root(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    shutil.copytree(repository, outer / "inner", ignore=shutil.ignore_patterns(".git"))
    git(outer, "init", "--quiet")
    git(outer, "add", ".")
    git(outer, "commit", "--quiet", "-m", "a")
    require_commit_and_diff(outer / "inner", git(outer, "rev-parse", "HEAD"))


def test_a_bare_repository_has_no_changes_to_record(repository: Path) -> None:
    git(repository, "config", "core.bare", "true")
    with pytest.raises(AvemoError, match="a bare repository"):
        read_commit(repository)


def test_a_damaged_repository_is_no_clean_one(repository: Path) -> None:
    shutil.rmtree(repository / ".git" / "objects")
    (repository / ".git" / "objects").mkdir()
    with pytest.raises(AvemoError, match="git refuses to read"):
        git_state.read(repository)
