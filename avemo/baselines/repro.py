"""`dvc repro` of some systems, so that dvc.lock knows of what was run."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

__all__ = ["repro"]


def repro(root: Path, systems: Iterable[str]) -> NoReturn:
    """Say what is run, and become it."""
    command = ["dvc", "repro", *(f"baselines@{name}" for name in systems)]
    print(f"{' '.join(command)}, in {root}", flush=True)
    # the stages call `python`, which must be this one
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.chdir(root)
    os.execve(sys.executable, [sys.executable, "-m", *command], {**os.environ, "PATH": path})
