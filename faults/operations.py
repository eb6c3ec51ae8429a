"""The commands that faults happen to, and how one is run."""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass

import psutil

from .injector import Fault, Injector
from .project import REGISTERED, TRAINED, Workspace

__all__ = ["OPERATIONS", "Ended", "Operation", "run"]

#: seconds after which a command hangs; many times what the slowest takes on a busy machine
_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Operation:
    """A command.

    Args:
        state: of the project that it begins with
        command: its words; `{other}` is the address of the other registry
        weight: how often it is drawn, against the others
    """

    state: str
    command: tuple[str, ...]
    weight: int


OPERATIONS = {
    "register": Operation(TRAINED, ("dvc", "repro", "register"), 1),
    "register-again": Operation(
        REGISTERED, ("dvc", "repro", "--force", "--single-item", "register"), 1
    ),
    "promote": Operation(REGISTERED, ("avemo", "registry", "promote", "audio"), 3),
    "copy": Operation(
        REGISTERED,
        ("avemo", "registry", "copy", "models:/avemo-audio@champion", "--to", "{other}"),
        3,
    ),
    "sync": Operation(REGISTERED, ("avemo", "runs", "sync"), 3),
}


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: its exit code; of a killed one, the signal's number below 0; None: it hung
        output: both streams
    """

    code: int | None
    output: str


def run(workspace: Workspace, injector: Injector, command: tuple[str, ...], fault: Fault) -> Ended:
    """Run a command in the round's project, while a fault happens to it.

    It has a process group of its own, which `kill` kills. What it leaves running is killed, too.
    """
    other = f"sqlite:///{workspace.other_store}/mlflow.db"
    process = subprocess.Popen(
        [word.format(other=other) for word in command],
        cwd=workspace.project,
        env=workspace.environment(injector.prepare(fault, workspace.round)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    code: int | None = None
    try:
        output = process.communicate(timeout=_TIMEOUT_S)[0]
        code = process.returncode
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output = process.communicate()[0]
    _kill_descendants(str(injector.counts_file))
    return Ended(code, output)


def _kill_descendants(counts_file: str) -> None:
    """Kill what a command left running: the processes that have its variables."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("FAULTS_COUNTS") == counts_file:
                process.kill()
                process.wait(10)
