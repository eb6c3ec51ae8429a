"""The code as it is: its commit, and what of it is not committed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DIFF", "Code", "code"]

#: the artifact that holds what was not committed
DIFF = "uncommitted.diff"

#: files here are code before Git knows of them: settings take architectures and extractors by name
_CODE = ("avemo", "pipelines")
#: whatever a user's configuration says, a diff that can be applied
_PLAIN = ("--binary", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/")


@dataclass(frozen=True)
class Code:
    """What a run ran.

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


def code(root: Path) -> Code:
    """The code of a project."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    if not commit:
        return Code("", b"")
    diff = _git(root, "diff", "HEAD", *_PLAIN, "--", ".", ":(exclude,glob)**/dvc.lock")
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *_CODE)
    for name in filter(None, listed.decode().split("\0")):
        diff += _git(root, "diff", "--no-index", *_PLAIN, "--", "/dev/null", name)
    return Code(commit, diff)


def _git(root: Path, *arguments: str) -> bytes:
    """What Git says; nothing where it fails, or is not there."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False).stdout
    except FileNotFoundError:
        return b""
