"""The state of the code: its commit, and what of it is not committed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DIFF", "GitState", "read", "run_git"]

#: the artifact that holds what was not committed
DIFF = "uncommitted.diff"

#: files here are code before Git knows of them: settings name architectures and extractors
_CODE = ("avemo", "pipelines")
#: whatever a user's configuration says, a diff that can be applied
_PLAIN = ("--binary", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/")


@dataclass(frozen=True)
class GitState:
    """The code that a run ran.

    Args:
        commit: empty where the project is in no repository
        diff: what differs from it, for `git apply`; dvc.lock does not count, which the stages write
    """

    commit: str
    diff: bytes

    @property
    def dirty(self) -> bool:
        """Whether anything differs from the commit."""
        return bool(self.diff)


def read(root: Path) -> GitState:
    """Return the state of a project's code."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    if not commit:
        return GitState("", b"")
    diff = _git(root, "diff", "HEAD", *_PLAIN, "--", ".", ":(exclude,glob)**/dvc.lock")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *_CODE)
    for name in filter(None, untracked.decode().split("\0")):
        diff += _git(root, "diff", "--no-index", *_PLAIN, "--", "/dev/null", name)
    return GitState(commit, diff)


def run_git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run Git in a folder; where it is not installed, the exit code is 127 and there is no output.

    The user's hooks do not run: they are for the user's own commands.
    """
    command = ["git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, b"", b"git is not installed")


def _git(root: Path, *arguments: str) -> bytes:
    return run_git(root, *arguments).stdout
