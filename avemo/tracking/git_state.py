"""The state of the code: its commit, and what of it is not committed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DIFF", "GitState", "read"]

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


def _git(root: Path, *arguments: str) -> bytes:
    """Return what Git prints; nothing where it fails or is not installed."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False).stdout
    except FileNotFoundError:
        return b""
