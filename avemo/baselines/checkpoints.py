"""Finished trainings of a run, so that a killed one resumes where it was."""

import shutil
from pathlib import Path

import numpy as np

from ..io import atomic_write
from ..records import BaselineRun
from ..tracking import resume
from .predictions import Answer

__all__ = ["Checkpoints", "clear"]


class Checkpoints:
    """A folder of finished trainings, for one run.

    Checkpoints of the same run with another fingerprint, or of a run that the tracking store does
    not have any more, are removed; their run ends as KILLED.

    Args:
        folder: of the run, whatever its data, settings and code
        fingerprint: of the data, settings and code
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder / fingerprint
        self._result = self._folder / "result.json"
        for other in folder.glob("*"):
            run_id = _run_id(other)
            if other != self._folder or not run_id or not resume.is_active(run_id):
                _remove(other)

    @property
    def run_id(self) -> str | None:
        """The run to resume."""
        return _run_id(self._folder)

    def start(self, run_id: str) -> None:
        """Note which run the checkpoints are of."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "run").write_text(run_id, encoding="utf-8")

    def load(self, training: str) -> Answer | None:
        """Return the probabilities of a finished training; None where it is not finished."""
        file = self._folder / f"{training}.npz"
        if not file.exists():
            return None
        with np.load(file) as arrays:
            return Answer(arrays["valid"], arrays["test"])

    def save(self, training: str, answer: Answer) -> None:
        """Note that a training is finished."""
        with atomic_write(self._folder / f"{training}.npz") as beside, beside.open("wb") as stream:
            np.savez(stream, valid=answer.valid, test=answer.test)

    @property
    def predictions(self) -> Path:
        """The file of the finished run's predictions."""
        return self._folder / "predictions.csv"

    def load_result(self) -> BaselineRun | None:
        """Return the result of the finished run; None where it is not finished."""
        if not self._result.exists():
            return None
        return BaselineRun.model_validate_json(self._result.read_text(encoding="utf-8"))

    def save_result(self, result: BaselineRun) -> None:
        """Note that the run is finished, and its predictions are written."""
        with atomic_write(self._result) as beside:
            beside.write_text(result.model_dump_json(), encoding="utf-8")


def clear(folder: Path) -> None:
    """Remove the checkpoints of all runs in a folder; an unfinished run ends as KILLED."""
    for checkpoints in folder.glob("*/*"):
        _remove(checkpoints)
    shutil.rmtree(folder, ignore_errors=True)


def _run_id(folder: Path) -> str | None:
    note = folder / "run"
    return note.read_text(encoding="utf-8") if note.exists() else None


def _remove(folder: Path) -> None:
    if run_id := _run_id(folder):
        resume.end_run(run_id)
    shutil.rmtree(folder)
