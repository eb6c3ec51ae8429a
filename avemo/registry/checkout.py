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

import yaml

from ..errors import AvemoError, last_line
from ..git import run_git
from ..paths import ROOT, SETTINGS_FILE, Project
from ..tracking import dvc_lock
from ..tracking.git_state import DIFF
from ..tracking.lineage import Lineage

__all__ = ["checkout", "run_module"]


@contextmanager
def checkout(project: Project, lineage: Lineage, artifacts: Path) -> Iterator[Project]:
    """Yield the project as it was; it is removed afterwards, whatever happens.

    Args:
        project: as it is now
        lineage: of the run to go back to
        artifacts: a folder with the recorded dvc.lock and, if there was one, uncommitted.diff

    Raises:
        AvemoError: the commit, the changes or the data are missing
    """
    commit, root = lineage.commit, project.root
    if not commit:
        raise AvemoError("it was trained outside Git: there is no commit to go back to")
    if run_git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise AvemoError(
            f"commit {commit} is not in this clone: git fetch the branch that holds it, or run "
            "this in the clone that it was made in"
        )
    with tempfile.TemporaryDirectory(prefix="avemo-rebuild-") as temporary:
        tree = Path(temporary, "tree")
        try:
            added = run_git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
            if added.returncode:
                raise AvemoError(f"git made no worktree: {last_line(added.stderr)}")
            prefix = run_git(root, "rev-parse", "--show-prefix").stdout.decode().strip()
            old_project = Project(tree / prefix)
            _restore_files(old_project, lineage, artifacts)
            _restore_data(project, old_project, list(lineage.data))
            yield old_project
        finally:
            run_git(root, "worktree", "remove", "--force", "--force", str(tree))


def run_module(project: Project, *arguments: str) -> None:
    """Run a module of a checked out project, with its own code and tracking store.

    Args:
        project: the one that is checked out
        arguments: the module and its arguments

    Raises:
        AvemoError: it failed; its output is on the screen
    """
    process = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project.root,
        env=_environment(project),
        check=False,
    )
    if process.returncode:
        raise AvemoError(f"{arguments[0]} failed, at that commit: see its output above")


def _restore_files(project: Project, lineage: Lineage, artifacts: Path) -> None:
    """Restore what was not committed, the settings and dvc.lock."""
    if lineage.dirty:
        applied = run_git(project.root, "apply", "--binary", str(artifacts / DIFF))
        if applied.returncode:
            raise AvemoError(
                f"the changes that were not committed do not apply to commit {lineage.commit}: "
                f"{applied.stderr.decode().strip()}"
            )
    settings = yaml.safe_dump(lineage.settings, sort_keys=False)
    (project.root / SETTINGS_FILE).write_text(settings, encoding="utf-8")
    (project.root / dvc_lock.LOCK).write_bytes((artifacts / dvc_lock.LOCK).read_bytes())


def _restore_data(project: Project, old_project: Project, paths: list[str]) -> None:
    """Restore data from DVC's cache, and from the remote what is not in the cache."""
    remote = _share_cache(project, old_project)
    for command in ["checkout", "pull"] if remote else ["checkout"]:
        process = subprocess.run(
            [sys.executable, "-m", "dvc", command, *paths],
            cwd=old_project.root,
            env=_environment(old_project),
            capture_output=True,
            text=True,
            check=False,
        )
        if not process.returncode:
            return
    missing = [path for path in paths if not (old_project.root / path).exists()] or paths
    source = "DVC's cache or remote" if remote else "DVC's cache, and no remote is configured"
    raise AvemoError(f"not all of {', '.join(missing)} is in {source}: {last_line(process.stderr)}")


def _share_cache(project: Project, old_project: Project) -> bool:
    """Let the checkout use the project's cache and remotes.

    Returns:
        whether there is a default remote
    """
    from dvc.config import Config
    from dvc.repo import Repo

    with Repo(str(project.root)) as repo:
        cache, remotes = repo.cache.local.path, dict(repo.config["remote"])
        default = repo.config["core"].get("remote")
    link = old_project.root / ".dvc" / "cache-of-project"  # DVC's configuration takes ASCII alone
    link.symlink_to(Path(cache).parents[1])  # it keeps files two folders down
    own: dict[str, object] = {"cache": {"dir": str(link)}, "remote": remotes}
    if default:
        own["core"] = {"remote": default}
    with Config(str(old_project.root / ".dvc")).edit("local") as config:
        config.update(own)
    return bool(default)


def _environment(project: Project) -> dict[str, str]:
    """Return an environment with the project's own code, store and temporary folder.

    With its own temporary folder, nothing stays behind of a process that is stopped.
    """
    outside = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID")
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    temporary = project.scratch / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    root = str(project.root)
    return environment | {ROOT: root, "PYTHONPATH": root, "TMPDIR": str(temporary)}
