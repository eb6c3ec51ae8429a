"""The state of the code: its commit, and what of it is not committed."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..git import read_commit, require_output, run_git

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
    """Return the state of a project's code.

    Raises:
        AvemoError: Git refuses to read the repository
    """
    commit = read_commit(root)
    if not commit:
        return GitState("", b"")
    diff = _git(root, "diff", "HEAD", *_PLAIN, "--", ".", ":(exclude,glob)**/dvc.lock")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *_CODE)
    for name in filter(None, os.fsdecode(untracked).split("\0")):
        # the exit code 1 says that the file is not empty
        new = run_git(root, "diff", "--no-index", *_PLAIN, "--", "/dev/null", name)
        diff += require_output(root, new, also=1)
    return GitState(commit, diff)


def _git(root: Path, *arguments: str) -> bytes:
    return require_output(root, run_git(root, *arguments))
