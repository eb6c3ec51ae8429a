"""The process that commands are forked from, so that each need not import everything anew."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from avemo.errors import AvemoError

__all__ = ["Ended", "ForkServer"]

_PROGRAM = Path(__file__).with_name("server.py")


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: its exit code; of a killed one, the signal's number below 0; None: it hung
        output: both streams
    """

    code: int | None
    output: str


class ForkServer:
    """Runs `avemo` and `dvc` in forks of one process, which `server.py` describes.

    Args:
        folder: where that process starts, and imports `avemo` from
        environment: of that process
        log_folder: gets the output of the command under way, and of the process

    Attributes:
        processor_s: that all commands have taken
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], log_folder: Path) -> None:
        self.processor_s = 0.0
        self._output = log_folder / "output.log"
        self._log = log_folder / "server.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM)],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_s: float
    ) -> Ended:
        """Run a command in a process group of its own, which is killed when the command ends.

        Args:
            command: `avemo` or `dvc`, and its words
            folder: where it runs
            environment: its variables, all of them
            timeout_s: after which it is killed, because it hangs

        Raises:
            AvemoError: the process that commands are forked from does not run
        """
        self._output.unlink(missing_ok=True)
        request = {
            "command": list(command),
            "folder": str(folder),
            "environment": dict(environment),
            "output": str(self._output),
        }
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            print(json.dumps(request), file=self._process.stdin, flush=True)
        child = int(self._read_line())
        is_ended = bool(select.select([self._process.stdout], [], [], timeout_s)[0])
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        code = int(self._read_line())
        self.processor_s += float(self._read_line())
        output = ""
        with suppress(FileNotFoundError):  # it was killed before it wrote any
            output = self._output.read_text(encoding="utf-8", errors="replace")
        return Ended(code if is_ended else None, output)

    def _read_line(self) -> str:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return line
        log = self._log.read_text(encoding="utf-8", errors="replace")
        raise AvemoError(f"{_PROGRAM} ends with {self._process.wait()}: {log.strip()[-500:]}")
