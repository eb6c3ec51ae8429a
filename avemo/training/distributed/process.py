"""A process on this machine or on a cluster, which ends when the one that started it does."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Local", "Process", "Task", "end_with_starter"]


class Process(Protocol):
    """One that was started somewhere."""

    def code(self) -> int | None:
        """Its exit code; none while it runs."""

    def stop(self) -> None:
        """End it, if it has not ended."""


class Local:
    """One on this machine.

    Args:
        arguments: for Python
        environment: variables, beside those that are here
        log: gets what it says
    """

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.process = _started(arguments, environment, log)

    def code(self) -> int | None:
        """Its exit code; none while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        """End it, if it has not ended."""
        # what it keeps is whole at any time
        self.process.kill()
        self.process.communicate()


class Task:
    """One on a machine of a Ray cluster.

    Args:
        ray: connected to it
        arguments: for the Python of that machine
        environment: variables, beside those that are there
        log: gets what it says; in a folder that the machines share
    """

    def __init__(
        self, ray: Any, arguments: list[str], environment: dict[str, str], log: Path
    ) -> None:
        self.ray = ray
        self.log = log
        task = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(_finished)
        self.reference = task.remote(arguments, environment, log)

    def code(self) -> int | None:
        """Its exit code; none while it runs."""
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


def _started(
    arguments: list[str], environment: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("ab") as lines:
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=os.environ | environment,
            stdin=subprocess.PIPE,  # see `end_with_starter`
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the starter, which ends the others
        )


def _finished(arguments: list[str], environment: dict[str, str], log: Path) -> int:
    return _started(arguments, environment, log).wait()
