"""The library that is preloaded into a command, and lets one of its calls fail."""

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from avemo.errors import AvemoError

__all__ = ["COUNTED_BY", "NOTHING", "Calls", "Fault", "Injector"]

_SOURCE = Path(__file__).with_name("injector.c")
_COUNTS = struct.Struct("3Q")


@dataclass(frozen=True)
class Calls:
    """How many calls a command makes, in all of its processes.

    Args:
        changes: of files: writes, renames, deletions, …
        openings: of files
        readings: of the clock
    """

    changes: int
    openings: int
    readings: int


#: by kind of fault, the calls that it happens to: a field of `Calls`
COUNTED_BY = {
    "kill": "changes",
    "ENOSPC": "changes",
    "EIO": "changes",
    "EMFILE": "openings",
    "clock": "readings",
}


@dataclass(frozen=True)
class Fault:
    """What happens to a command.

    Args:
        kind: of `COUNTED_BY`, or `none`
        first: the number of the first call that it happens to, from 1
        length: to how many calls it happens, from there on
        jump_s: by how many seconds the clock jumps
    """

    kind: str
    first: int = 0
    length: int = 1
    jump_s: int = 0

    def __str__(self) -> str:
        jump = f", {self.jump_s:+d} s" if self.jump_s else ""
        calls = "for good" if self.length > 10**6 else f"for {self.length}"
        counted = COUNTED_BY.get(self.kind, "calls")
        return f"{self.kind} at number {self.first} of the {counted}, {calls}{jump}"


NOTHING = Fault("none")


class Injector:
    """The compiled library and its counts.

    Args:
        folder: gets both

    Attributes:
        library: to preload
        counts_file: that all processes of a command count in

    Raises:
        AvemoError: there is no C compiler, or it fails
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            raise AvemoError("there is no C compiler, gcc or cc: install one, such as gcc")
        folder.mkdir(parents=True, exist_ok=True)
        self.library = folder / "injector.so"
        self.counts_file = folder / "counts"
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self.library), str(_SOURCE)]
        process = subprocess.run([*command, "-ldl"], capture_output=True, text=True)
        if process.returncode:
            raise AvemoError(f"{compiler} does not compile {_SOURCE}: {process.stderr}")

    def prepare(self, fault: Fault, folder: Path) -> dict[str, str]:
        """Set the counts to 0, and return the variables of a command that the fault happens to.

        Args:
            folder: where files count
        """
        self.counts_file.write_bytes(bytes(_COUNTS.size))
        return {
            "LD_PRELOAD": str(self.library),
            "FAULTS_COUNTS": str(self.counts_file),
            "FAULTS_FOLDER": str(folder),
            "FAULTS_KIND": fault.kind,
            "FAULTS_FIRST": str(fault.first),
            "FAULTS_LENGTH": str(fault.length),
            "FAULTS_JUMP_S": str(fault.jump_s),
        }

    def calls(self) -> Calls:
        """Return how many calls the command made since `prepare`."""
        return Calls(*_COUNTS.unpack(self.counts_file.read_bytes()))
