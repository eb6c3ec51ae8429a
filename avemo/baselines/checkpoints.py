"""What a run has finished already, so that a killed one takes up where it was."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ..io import atomic_write
from ..tracking import json_file, resume
from .predictions import Answers

__all__ = ["Kept", "clear"]


class Kept:
    """A folder of finished trainings, for one run.

    What was kept for the same run under another identity, or for a run that the tracking store does
    not have any more, is removed; its run ends as KILLED.

    Args:
        folder: of the run, in whatever state of data, settings and code
        identity: of the data, settings and code
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder / identity
        for other in folder.glob("*"):
            run_id = _run_of(other)
            if other != self._folder or not run_id or not resume.is_active(run_id):
                _remove(other)

    @property
    def run_id(self) -> str | None:
        """The run to take up again."""
        return _run_of(self._folder)

    def begin(self, run_id: str) -> None:
        """Note which run this is."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "run").write_text(run_id, encoding="utf-8")

    def answers(self, training: str) -> Answers | None:
        """What a finished training answered."""
        file = self._folder / f"{training}.npz"
        if not file.exists():
            return None
        with np.load(file) as found:
            return dict(found)

    def keep(self, training: str, answers: Answers) -> None:
        """Note that a training is finished."""
        with atomic_write(self._folder / f"{training}.npz") as beside, beside.open("wb") as stream:
            np.savez(stream, valid=answers["valid"], test=answers["test"])

    @property
    def predictions(self) -> Path:
        """Where the finished run's predictions stand."""
        return self._folder / "predictions.csv"

    def finished(self) -> dict[str, Any]:
        """What `finish` was given; empty where the run is not finished."""
        return json_file.read(self._folder / "finished.json")

    def finish(self, entry: dict[str, Any]) -> None:
        """Note that the whole run is finished, and its predictions written."""
        json_file.write(self._folder / "finished.json", entry)


def clear(folder: Path) -> None:
    """Remove what was kept of all the runs in a folder; one that is not finished ends as KILLED."""
    for kept in folder.glob("*/*"):
        _remove(kept)
    shutil.rmtree(folder, ignore_errors=True)


def _run_of(folder: Path) -> str | None:
    note = folder / "run"
    return note.read_text(encoding="utf-8") if note.exists() else None


def _remove(folder: Path) -> None:
    if run_id := _run_of(folder):
        resume.end_run(run_id)
    shutil.rmtree(folder)
