"""A process on this machine or on a cluster, which ends when the one that started it does."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Protocol

__all__ = ["LocalProcess", "Process", "RayProcess", "end_with_starter"]


class Process(Protocol):
    """A started process, on whatever machine."""

    def exit_code(self) -> int | None:
        """Return its exit code; None while it runs."""

    def stop(self) -> None:
        """End it, if it has not ended."""


class LocalProcess:
    """A Python process on this machine.

    Args:
        arguments: of Python
        environment: variables, added to this process's
        log: gets its output
    """

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.process = _start(arguments, environment, log)

    def exit_code(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        """End it, if it has not ended."""
        # it writes its files atomically
        self.process.kill()
        self.process.communicate()


class RayProcess:
    """A Python process on a machine of a Ray cluster.

    Args:
        ray: the module, connected to the cluster
        arguments: of that machine's Python
        environment: variables, added to those of that machine
        log: gets its output; in a folder that the machines share
    """

    def __init__(
        self, ray: ModuleType, arguments: list[str], environment: dict[str, str], log: Path
    ) -> None:
        self.ray = ray
        self.log = log
        task = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(_run)
        self.reference = task.remote(arguments, environment, log)

    def exit_code(self) -> int | None:
        """Return its exit code; None while it runs."""
        if not self.ray.wait([self.reference], timeout=0)[0]:
            return None
        try:
            return int(self.ray.get(self.reference))
        except self.ray.exceptions.RayError as error:
            with self.log.open("a", encoding="utf-8") as lines:
                lines.write(f"{error}\n")
            return 1

    def stop(self) -> None:
        """End it, if it has not ended."""
        self.ray.cancel(self.reference, force=True)


def end_with_starter() -> None:
    """End this process when the one that started it ends, in whatever way: its pipe closes then."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _start(arguments: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as lines:
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=os.environ | environment,
            stdin=subprocess.PIPE,  # see `end_with_starter`
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the starter, which ends the others
        )


def _run(arguments: list[str], environment: dict[str, str], log: Path) -> int:
    return _start(arguments, environment, log).wait()
