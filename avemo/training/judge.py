"""What a configuration is worth, and of which a model is made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from ..evaluation import calibration, metrics
from ..project import Project
from ..settings import Settings
from ..tracking import runs
from . import members
from .fit import deterministic, fit
from .folds import Folds, kept, uar
from .task import Task

__all__ = ["ANSWERS", "OBJECTIVE", "ByFolds", "ByPart", "Judge", "ensemble", "judge"]

OBJECTIVE = "val_uar"
#: what the chosen members answer on the inner folds, beside what the search found
ANSWERS = "predictions.csv"

Found = dict[str, Any]


def judge(project: Project, settings: Settings, task: Task) -> "Judge":
    """The way that params.yaml asks for."""
    if getattr(settings.search, task.modality).judged_on == "part":
        return ByPart(settings, task)
    return ByFolds(settings, kept(project, settings, task))


class ByFolds:
    """Judges a configuration on each inner fold, by a fit that has not seen it."""

    name = "folds"

    def __init__(self, settings: Settings, folds: Folds) -> None:
        self.settings = settings
        self.folds = folds
        inner = folds.inner(folds.test)
        self.rounds = len(inner) if len(inner) > 1 else 0

    def __call__(self, values: Found, step: Callable[[], None]) -> dict[str, float]:
        """What a configuration is worth; calls `step` after each fit."""
        answers = self.folds.judged(values, self.folds.test, step)
        each = {
            f"{OBJECTIVE}_fold_{fold}": metrics.uar(rows["true"], metrics.predicted(rows))
            for fold, rows in answers.groupby("fold")
        }
        loss = metrics.log_loss(answers["true"], metrics.probabilities(answers))
        return {OBJECTIVE: uar(answers), **each, "val_log_loss": loss}

    def chosen(self, trials: list[Found], folder: Path) -> Found:
        """The members, their temperature, and their answers, which go into the folder."""
        count = self.settings.search.budget_of(self.folds.task.modality).members
        found, answers = ensemble(self.folds, trials, count, self.folds.test)
        answers.to_csv(folder / ANSWERS, index=False, float_format="%.6f")
        mlflow.log_metric(f"members_{OBJECTIVE}", uar(answers))
        return found


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
    picks = members.choose(judged, count)
    answers = members.mean([judged[pick] for pick in picks])
    chosen = [trials[pick]["hyperparameters"] for pick in picks]
    return {"members": chosen, "temperature": calibration.fit(answers)}, answers


class ByPart:
    """Judges a configuration on the validation part, which also stops the fit."""

    name = "part"

    def __init__(self, settings: Settings, task: Task) -> None:
        self.train, self.valid = task.data.part("train"), task.data.part("valid")
        self.rounds = 1 if len(self.valid) else 0
        self.settings = settings
        self.modality = task.modality
        self.preparations = task.prepare(self.train)
        self.networks = task.networks(self.preparations)

    def __call__(self, values: Found, step: Callable[[], None]) -> dict[str, float]:
        """What a configuration is worth; its curves go to the run under way."""
        deterministic(self.settings.seed)
        history = fit(
            self.networks.configured(values),
            self.train,
            self.valid,
            self.preparations,
            variation=self.networks.varied(values),
            epochs=self.settings.search.budget_of(self.modality).epochs,
            batch_size=getattr(self.settings.search, self.modality).batch_size,
            seed=self.settings.seed,
            patience=self.settings.training.patience,
        )
        runs.log_epochs(history)
        best = history.iloc[int(history["val_loss"].argmin())]
        step()
        return {
            OBJECTIVE: float(best["val_uar"]),
            "best_val_loss": float(best["val_loss"]),
            "best_epoch": float(best["epoch"]),
        }

    def chosen(self, trials: list[Found], folder: Path) -> Found:
        """The best trial; training finds its temperature."""
        return {"members": [trials[0]["hyperparameters"]], "temperature": None}


Judge = ByFolds | ByPart
