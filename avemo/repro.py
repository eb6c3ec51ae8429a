"""`dvc repro` of some stages, so that dvc.lock records what was run."""

import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

__all__ = ["reproduce"]

log = logging.getLogger(__name__)


def reproduce(root: Path, stages: Iterable[str], **environment: str) -> NoReturn:
    """Log the command that runs stages, and replace this process by it.

    Args:
        root: the folder of the dvc.yaml
        stages: as in dvc.yaml
        environment: variables for the stages
    """
    command = ["dvc", "repro", *stages]
    variables = [f"{name}={value}" for name, value in environment.items()]
    log.info(f"{' '.join([*variables, *command])}, in {root}")
    # the stages call `python`, which must be this one
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.chdir(root)
    os.execve(
        sys.executable,
        [sys.executable, "-m", *command],
        {**os.environ, **environment, "PATH": path},
    )
