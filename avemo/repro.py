"""`dvc repro` of some stages, so that dvc.lock records what was run."""

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import yaml

from .config import load_settings
from .corpus.inputs import check_inputs
from .errors import AvemoError, SettingsError
from .git import read_commit, run_git
from .paths import Project

__all__ = ["remove_damaged_lock", "reproduce"]

log = logging.getLogger(__name__)

#: DVC's list of the commands that are running
_DVC_LOCK = Path(".dvc", "tmp", "rwlock")
#: a command that is running writes it faster than this
_WRITING_S = 0.2
#: where .dvc/config says that the project does without Git
_WITHOUT_GIT = "no_scm"


def reproduce(
    project: Project,
    stages: Iterable[str],
    folder: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> NoReturn:
    """Check the project, log the command that runs stages, and replace this process by it.

    Args:
        project: whose stages these are
        stages: as in dvc.yaml; none for all
        folder: of the dvc.yaml, by default the project's own
        environment: variables for the stages

    Raises:
        AvemoError: params.yaml, dvc.yaml or what params.yaml names cannot be used, or the project
            is in no Git or DVC repository
    """
    root = folder or project.root
    settings = load_settings(project.root)
    _check_repository(project.root)
    remove_damaged_lock(project.root)
    _check_stages(root / "dvc.yaml")
    if folder is None:
        check_inputs(project, settings)
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


def remove_damaged_lock(root: Path) -> None:
    """Delete DVC's list of running commands where it is damaged, as by a disk that was full.

    DVC runs nothing with it, and does not mend it.

    Args:
        root: of the project
    """
    file = root / _DVC_LOCK
    if _is_damaged(file):
        time.sleep(_WRITING_S)
        if _is_damaged(file):
            file.unlink(missing_ok=True)
            log.warning(f"avemo: {file} was damaged, as by a disk that was full, and is deleted")


def _is_damaged(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:  # no JSON, or no UTF-8
        return True
    return False


def _check_repository(root: Path) -> None:
    if not (root / ".dvc").is_dir():
        raise AvemoError(
            f"{root} is no DVC project, its folder .dvc is missing: git checkout .dvc brings it "
            "back; in a copy without Git, take the project by git clone"
        )
    configs = (root / ".dvc" / name for name in ("config", "config.local"))
    text = "".join(file.read_text(errors="replace") for file in configs if file.is_file())
    if _WITHOUT_GIT in text:
        return
    read_commit(root)  # where Git refuses, it says why
    inside = run_git(root, "rev-parse", "--git-dir")
    if inside.returncode:
        raise AvemoError(
            f"{root} is in no Git repository, and models record the commit that made them: take "
            "the project by git clone, or run here: git init && git add . && git commit -m start; "
            "or go on without: dvc config --local core.no_scm true"
        )


def _check_stages(file: Path) -> None:
    """Refuse a dvc.yaml that is no YAML, or has no stages."""
    if not file.is_file():
        raise SettingsError(f"there is no {file}: git checkout brings it back")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", error)).split())
        raise SettingsError(
            f"{file}{line}: no YAML ({problem}): mend it, or git checkout it"
        ) from None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict) or not stages:
        raise SettingsError(f"{file} has no `stages`: git checkout it")
    for name, stage in stages.items():
        if not isinstance(stage, dict) or not ("cmd" in stage or "do" in stage):
            raise SettingsError(
                f"{file}: the stage {name} has no `cmd`: mend it, or git checkout it"
            )
