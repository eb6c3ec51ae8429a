"""What a configuration is worth, and of which a model is made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from ..evaluation import calibration, metrics
from ..evaluation.predictions import write_predictions
from ..paths import Project
from ..settings import Settings
from . import ensemble_selection, fusion, stacking
from .inner_cv import Folds, kept, uar
from .task import Task

__all__ = ["OBJECTIVE", "ByFolds", "ensemble", "judge"]

OBJECTIVE = "val_uar"
Found = dict[str, Any]


def judge(project: Project, settings: Settings, task: Task) -> "ByFolds":
    """Return what judges the configurations of a task's modality."""
    by = Fusion if task.modality == "fused" else ByFolds
    return by(project, settings, kept(project, settings, task))


class ByFolds:
    """Judges a configuration on each inner fold, by a fit that has not seen it."""

    def __init__(self, project: Project, settings: Settings, folds: Folds) -> None:
        self.project = project
        self.settings = settings
        self.folds = folds
        inner = folds.inner(folds.test)
        self.rounds = len(inner) if len(inner) > 1 else 0

    def __call__(self, values: Found, step: Callable[[], None]) -> dict[str, float]:
        """What a configuration is worth; calls `step` after each fit."""
        found = self.folds.judged(values, self.folds.test, step)
        each = {
            f"{OBJECTIVE}_fold_{fold}": metrics.uar(rows["true"], metrics.predicted(rows))
            for fold, rows in found.groupby("fold")
        }
        loss = metrics.log_loss(found["true"], metrics.probabilities(found))
        return {OBJECTIVE: uar(found), **each, "val_log_loss": loss}

    def chosen(self, trials: list[Found], folder: Path) -> Found:
        """The members, their temperature, and their answers, which go into the folder."""
        found, given = self._chosen(trials)
        write_predictions(folder / stacking.FILE, given)
        mlflow.log_metric(f"members_{OBJECTIVE}", uar(given))
        return found

    def _chosen(self, trials: list[Found]) -> tuple[Found, pd.DataFrame]:
        count = self.settings.search.budget_of(self.folds.task.modality).members
        return ensemble(self.folds, trials, count, self.folds.test)


class Fusion(ByFolds):
    """The same for a fusion, which is held against the better of the two models alone."""

    def chosen(self, trials: list[Found], folder: Path) -> Found:
        """The same; what each way to fuse answers goes into the folder, too."""
        rows = fusion.compared(self.project, trials, super()._chosen)
        rows.to_csv(folder / fusion.COMPARED, index=False, float_format="%.6f")
        mlflow.log_artifact(str(folder / fusion.COMPARED))
        return super().chosen(trials, folder)

    def _chosen(self, trials: list[Found]) -> tuple[Found, pd.DataFrame]:
        return fusion.settled(self.project, self.settings, trials, super()._chosen)


def ensemble(
    folds: Folds, trials: list[Found], count: int, test: int | None
) -> tuple[Found, pd.DataFrame]:
    """Choose a model's members by the inner folds.

    Args:
        trials: each with its `hyperparameters`
        count: how many members
        test: the fold that nothing is learnt from

    Returns:
        for JSON, the members' hyperparameters and their temperature; and their mean answers on the
        inner folds
    """
    judged = [folds.judged(trial["hyperparameters"], test) for trial in trials]
    picks = ensemble_selection.choose(judged, count)
    joint = ensemble_selection.mean([judged[pick] for pick in picks])
    chosen = [trials[pick]["hyperparameters"] for pick in picks]
    return {"members": chosen, "temperature": calibration.fit_temperature(joint)}, joint
