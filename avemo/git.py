"""Git's commands, and the commit that a folder is at."""

import os
import subprocess
from pathlib import Path

from .errors import AvemoError

__all__ = ["read_commit", "require_output", "run_git"]

#: the exit code of `run_git` where Git is not installed, as a shell has it
_NOT_INSTALLED = 127
#: what Git says where neither the folder nor one above it is a repository
_NO_REPOSITORY = b"not a git repository (or any"


def run_git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run Git in a folder; where it is not installed, the exit code is 127 and there is no output.

    The user's hooks do not run: they are for the user's own commands.
    """
    command = ["git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *arguments]
    environment = os.environ | {"LC_ALL": "C"}  # its words are read here
    try:
        return subprocess.run(command, capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, _NOT_INSTALLED, b"", b"git is not installed")


def read_commit(root: Path) -> str:
    """Return the commit of a folder; empty outside a repository, before its first, without Git.

    Raises:
        AvemoError: there is a repository, and Git refuses to read it, or it has no working tree
    """
    inside = run_git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode == _NOT_INSTALLED or _NO_REPOSITORY in inside.stderr:
        return ""
    if require_output(root, inside).strip() != b"true":
        raise AvemoError(
            f"{root} lies in a bare repository, where there are no changes to record: git clone "
            "it, and work in the clone"
        )
    head = run_git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if head.returncode == 1:  # nothing was committed yet
        return ""
    return require_output(root, head).decode().strip()


def require_output(
    root: Path, process: "subprocess.CompletedProcess[bytes]", *, also: int = 0
) -> bytes:
    """Return what Git wrote.

    Args:
        root: the folder that it ran in
        process: of `run_git`
        also: an exit code that is no failure either

    Raises:
        AvemoError: it failed; the message has its words
    """
    if process.returncode in (0, also):
        return process.stdout
    words = " ".join(process.stderr.decode(errors="replace").split())
    raise AvemoError(
        f"git refuses to read {root}, so that runs would lack the code's commit: "
        f"{words or f'exit code {process.returncode}'}"
    )
