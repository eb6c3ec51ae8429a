"""Environments of their own for what must not be in the project's, and processes in them."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avemo.cache import cache_folder

__all__ = [
    "ChildResult",
    "Comparator",
    "InstallError",
    "installed_bytes",
    "make_environment",
    "run_child",
]

_LAUNCHER = Path(__file__).with_name("launcher.py")
_COMPARATORS = Path(__file__).with_name("comparators")
_READY = "ready"


class InstallError(Exception):
    """Packages cannot be installed here."""


def make_environment(requirements: Path, *options: str) -> Path:
    """Return the folder of an environment in the user's cache, made where it is missing.

    Args:
        requirements: exact versions, as pip reads them
        options: of `pip install`, such as `--no-deps`

    Raises:
        InstallError: pip cannot install them
    """
    content = requirements.read_bytes() + repr(options).encode() + sys.version.encode()
    name = f"{requirements.stem}-{hashlib.sha256(content).hexdigest()[:12]}"
    folder = cache_folder() / "benchmarks" / name
    if (folder / _READY).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder)]
    install = [*pip, "install", "--quiet", *options, "--requirement", str(requirements)]
    result = subprocess.run(install, capture_output=True, text=True)
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        raise InstallError(errors[-1] if errors else "pip is not there")
    (folder / _READY).touch()
    return folder


def installed_bytes(environment: Path) -> int:
    """Return the size of the packages that an environment holds."""
    (packages,) = environment.glob("lib/python*/site-packages")
    return sum(file.lstat().st_size for file in packages.rglob("*") if file.is_file())


@dataclass(frozen=True)
class ChildResult:
    """What a process did.

    Args:
        output: the JSON that it printed last
        processor_s: its processor time, of all threads, user and system
        peak_mb: the largest memory that it held
    """

    output: dict[str, Any]
    processor_s: float
    peak_mb: float


def run_child(python: Path, *arguments: str | Path, **variables: str) -> ChildResult:
    """Run Python in a process of its own.

    Args:
        python: the interpreter of an environment
        arguments: of the interpreter
        variables: of the process, besides those of this one

    Raises:
        RuntimeError: it failed; with the end of what it wrote
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    }
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory(prefix="avemo-bench-") as folder:
        figures = Path(folder, "figures.json")
        result = subprocess.run(
            [sys.executable, _LAUNCHER, figures, python, *arguments],
            cwd=folder,
            env=inherited | quiet | variables,
            capture_output=True,
            text=True,
        )
        if result.returncode:
            raise RuntimeError(f"{arguments[0]}: {result.stdout[-2000:]}{result.stderr[-2000:]}")
        usage = json.loads(figures.read_text(encoding="utf-8"))
    lines = result.stdout.splitlines() or ["{}"]
    return ChildResult(json.loads(lines[-1]), usage["processor_s"], usage["peak_mb"])


class Comparator:
    """A tool in an environment of its own, by its requirements and script in `comparators/`.

    Attributes:
        absent: why it cannot be installed here; empty if it can

    Args:
        name: NAME of `NAME.txt`, which lists everything that it needs, and of `run_NAME.py`
    """

    def __init__(self, name: str) -> None:
        self.absent = ""
        self._script = _COMPARATORS / f"run_{name}.py"
        try:
            self._environment = make_environment(_COMPARATORS / f"{name}.txt", "--no-deps")
        except InstallError as error:
            self.absent = str(error)

    def run(self, *arguments: str | Path) -> dict[str, Any]:
        """Run the script in a new process, and return the JSON that it prints.

        Raises:
            RuntimeError: it failed
        """
        return run_child(self._environment / "bin" / "python", self._script, *arguments).output
