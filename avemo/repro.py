"""`dvc repro` of some stages, so that dvc.lock knows of what was run."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

__all__ = ["repro"]


def repro(root: Path, stages: Iterable[str], **environment: str) -> NoReturn:
    """Say what is run, and become it.

    Args:
        root: the folder of the dvc.yaml
        stages: as in dvc.yaml
        environment: variables that the stages are to see
    """
    command = ["dvc", "repro", *stages]
    told = [f"{name}={value}" for name, value in environment.items()]
    print(f"{' '.join([*told, *command])}, in {root}", flush=True)
    # the stages call `python`, which must be this one
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.chdir(root)
    os.execve(
        sys.executable,
        [sys.executable, "-m", *command],
        {**os.environ, **environment, "PATH": path},
    )
