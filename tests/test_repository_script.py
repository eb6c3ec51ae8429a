"""Without a Git repository, as in a downloaded archive, `make demo` says the way out at once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.registered_versions import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the scripts of `make demo`, as an archive of the project has them."""
    shutil.copytree(ROOT / "requirements", tmp_path / "project" / "requirements")
    return tmp_path / "project"


def check(folder: Path, script: str = "repository") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", f"requirements/{script}.sh"],
        cwd=folder,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("script", ["repository", "demo"])
def test_without_git_every_way_out_is_said(folder: Path, script: str) -> None:
    process = check(folder, script)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.startswith("avemo: this folder is in no Git repository\n")
    assert all(way in process.stderr for way in ("git clone", "git init", "no_scm = true"))
    assert len(process.stderr.splitlines()) == 5


def test_each_way_out_is_one(folder: Path) -> None:
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    assert check(folder).returncode == 0
    (folder / ".dvc" / "config.local").unlink()
    assert check(folder).returncode == 1
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    assert check(folder).returncode == 0
