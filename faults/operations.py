"""The commands that faults happen to, and how one is run."""

from contextlib import suppress
from dataclasses import dataclass

import psutil

from .forkserver import Ended, ForkServer
from .injector import Calls, Fault, Injector
from .project import REGISTERED, TRAINED, Workspace

__all__ = ["OPERATIONS", "Commands", "Ended", "Operation"]

#: seconds after which a command hangs; many times what the slowest takes on a busy machine
_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Operation:
    """A command.

    Args:
        state: of the project that it begins with
        command: its words; `{other}` is the address of the other registry
    """

    state: str
    command: tuple[str, ...]


OPERATIONS = {
    "register": Operation(TRAINED, ("dvc", "repro", "register")),
    "register-again": Operation(
        REGISTERED, ("dvc", "repro", "--force", "--single-item", "register")
    ),
    "promote": Operation(REGISTERED, ("avemo", "registry", "promote", "audio")),
    "copy": Operation(
        REGISTERED,
        ("avemo", "registry", "copy", "models:/avemo-audio@champion", "--to", "{other}"),
    ),
    "sync": Operation(REGISTERED, ("avemo", "runs", "sync")),
}


class Commands:
    """Runs commands in the round's project, while a fault happens to them.

    Args:
        workspace: where the round is
        injector: of faults

    Attributes:
        workspace: as given
    """

    def __init__(self, workspace: Workspace, injector: Injector) -> None:
        self.workspace = workspace
        self._injector = injector
        self._server: ForkServer | None = None

    def run(self, command: tuple[str, ...], fault: Fault) -> Ended:
        """Run a command, and kill what it leaves running.

        Args:
            command: its words; `{other}` is the address of the other registry
            fault: that happens to it
        """
        other = f"sqlite:///{self.workspace.other_store}/mlflow.db"
        ended = self._connect().run(
            [word.format(other=other) for word in command],
            self.workspace.project,
            self.workspace.environment(self._injector.prepare(fault, self.workspace.round)),
            _TIMEOUT_S,
        )
        _kill_descendants(str(self._injector.counts_file))
        return ended

    @property
    def processor_s(self) -> float:
        """The seconds of processor time that all commands have taken."""
        return self._server.processor_s if self._server else 0.0

    def calls(self) -> Calls:
        """Return how many calls the last command made."""
        return self._injector.calls()

    def close(self) -> None:
        """End the process that commands are forked from."""
        if self._server:
            self._server.close()

    def _connect(self) -> ForkServer:
        """Return the server, which is started for the first command, once there is a project."""
        if self._server is None:
            environment = self.workspace.environment({"LD_PRELOAD": str(self._injector.library)})
            self._server = ForkServer(self.workspace.project, environment, self.workspace.folder)
        return self._server


def _kill_descendants(counts_file: str) -> None:
    """Kill what a command left running outside its process group, by its variables."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("FAULTS_COUNTS") == counts_file:
                process.kill()
                process.wait(10)
