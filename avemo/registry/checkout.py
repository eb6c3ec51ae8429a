"""A project as it was when a model was trained, beside the one that is worked in.

A Git worktree at the commit, with what was not committed then, the settings, and the data from
DVC's cache, which the two share. It stands in a temporary folder.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..errors import AvemoError
from ..paths import ROOT, Project
from ..settings import SETTINGS_FILE
from ..tracking import dvc_lock
from ..tracking.git_state import DIFF
from ..tracking.lineage import Lineage

__all__ = ["checkout", "run"]


@contextmanager
def checkout(project: Project, found: Lineage, kept: Path) -> Iterator[Project]:
    """Make it; it is gone afterwards, whatever happens.

    Args:
        found: the lineage
        kept: a folder with the recorded dvc.lock and, if there was one, uncommitted.diff

    Raises:
        AvemoError: the commit, the changes or the data are not to be had
    """
    commit, root = found.commit, project.root
    if not commit:
        raise AvemoError("it was trained outside Git: there is no commit to go back to")
    if _git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise AvemoError(
            f"commit {commit} is not in this clone: git fetch the branch that holds it, or run "
            "this in the clone that it was made in"
        )
    with tempfile.TemporaryDirectory(prefix="avemo-rebuild-") as temporary:
        tree = Path(temporary, "tree")
        try:
            _done(_git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit))
            prefix = _git(root, "rev-parse", "--show-prefix").stdout.strip()
            made = Project(tree / prefix)
            _restore(made, found, kept)
            _data(project, made, list(found.data))
            yield made
        finally:
            _git(root, "worktree", "remove", "--force", "--force", str(tree))


def run(made: Project, *arguments: str) -> None:
    """Run a stage of it, with its own code and a tracking store of its own.

    Raises:
        AvemoError: it failed; what it said is on the screen
    """
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=made.root, env=_environment(made), check=False
    )
    if done.returncode:
        raise AvemoError(f"{arguments[0]} failed, at that commit: see what it says above")


def _restore(made: Project, found: Lineage, kept: Path) -> None:
    """What was not committed, the settings and dvc.lock."""
    if found.dirty:
        applied = _git(made.root, "apply", "--binary", str(kept / DIFF))
        if applied.returncode:
            raise AvemoError(
                f"the changes that were not committed do not apply to commit {found.commit}: "
                f"{applied.stderr.strip()}"
            )
    settings = yaml.safe_dump(found.settings, sort_keys=False)
    (made.root / SETTINGS_FILE).write_text(settings, encoding="utf-8")
    (made.root / dvc_lock.LOCK).write_bytes((kept / dvc_lock.LOCK).read_bytes())


def _data(project: Project, made: Project, paths: list[str]) -> None:
    """From the cache, and from the remote what is not in it."""
    remote = _share(project, made)
    commands = ["checkout", "pull"] if remote else ["checkout"]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", command, *paths],
            cwd=made.root,
            env=_environment(made),
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            return
    missing = [path for path in paths if not (made.root / path).exists()] or paths
    where = "DVC's cache or remote" if remote else "DVC's cache, and no remote is configured"
    raise AvemoError(f"not all of {', '.join(missing)} is in {where}: {_last(done.stderr)}")


def _share(project: Project, made: Project) -> bool:
    """Let the checkout use the project's cache and remotes; whether there is a default remote."""
    from dvc.config import Config  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]

    with Repo(str(project.root)) as repo:
        place, remotes = repo.cache.local.path, dict(repo.config["remote"])
        default = repo.config["core"].get("remote")
    # DVC keeps files two folders down
    own: dict[str, Any] = {"cache": {"dir": str(Path(place).parents[1])}, "remote": remotes}
    if default:
        own["core"] = {"remote": default}
    with Config(str(made.root / ".dvc")).edit("local") as config:
        config.update(own)
    return bool(default)


def _environment(made: Project) -> dict[str, str]:
    """Its own code, store and temporary folder, so that nothing stays of what is stopped."""
    outside = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID")
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    temporary = made.scratch / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    return kept | {ROOT: str(made.root), "PYTHONPATH": str(made.root), "TMPDIR": str(temporary)}


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # the user's hooks are for the user's own folder
    command = ["git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _done(process: "subprocess.CompletedProcess[str]") -> None:
    if process.returncode:
        raise AvemoError(f"git made no worktree: {_last(process.stderr)}")


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
