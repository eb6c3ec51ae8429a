"""What a search maximises, and how it selects the members of a model."""

from collections.abc import Callable, Sequence
from pathlib import Path

import mlflow

from ..evaluation import calibration, metrics
from ..evaluation.predictions import write_predictions
from ..paths import Project
from ..records import Configuration, Trial
from ..settings import Settings
from . import fusion, stacking
from .ensemble_selection import Ensemble, average_predictions, select_greedily
from .inner_cv import InnerCV, mean_uar, open_cache
from .nested import open_fusion_cache
from .task import TrainingTask

__all__ = ["OBJECTIVE", "CrossValidationObjective", "create_objective", "select_ensemble"]

OBJECTIVE = "val_uar"


def create_objective(
    project: Project, settings: Settings, task: TrainingTask
) -> "CrossValidationObjective":
    """Return the objective of a task's modality."""
    if task.modality == "fused":
        return FusionObjective(project, settings, open_fusion_cache(project, settings, task))
    return CrossValidationObjective(project, settings, open_cache(project, settings, task))


class CrossValidationObjective:
    """The mean unweighted average recall over the inner folds.

    Attributes:
        fits_per_trial: one for each inner fold; 0 where there are too few folds to choose by
    """

    def __init__(self, project: Project, settings: Settings, inner_cv: InnerCV) -> None:
        self.project = project
        self.settings = settings
        self.inner_cv = inner_cv
        inner_folds = inner_cv.inner_folds(inner_cv.test_fold)
        self.fits_per_trial = len(inner_folds) if len(inner_folds) > 1 else 0

    def evaluate(
        self, configuration: Configuration, on_fit: Callable[[], None]
    ) -> dict[str, float]:
        """Return a configuration's figures by name, the objective among them.

        Args:
            configuration: the hyperparameters by name
            on_fit: called after each fit
        """
        predictions = self.inner_cv.inner_predictions(
            configuration, self.inner_cv.test_fold, on_fit
        )
        by_fold = {
            f"{OBJECTIVE}_fold_{fold}": metrics.uar_of(rows)
            for fold, rows in predictions.groupby("fold")
        }
        loss = metrics.log_loss(
            predictions["true"],
            metrics.probabilities(predictions),
            metrics.classes_of(predictions),
        )
        return {OBJECTIVE: mean_uar(predictions), **by_fold, "val_log_loss": loss}

    def select(self, trials: Sequence[Trial], folder: Path) -> Ensemble:
        """Select the members of a model.

        Args:
            trials: best first
            folder: gets `predictions.csv`, the members' mean predictions on the inner folds
        """
        ensemble = self._select(trials)
        write_predictions(folder / stacking.PREDICTIONS, ensemble.predictions)
        mlflow.log_metric(f"members_{OBJECTIVE}", mean_uar(ensemble.predictions))
        return ensemble

    def _select(self, trials: Sequence[Trial]) -> Ensemble:
        count = self.settings.search.budget_of(self.inner_cv.task.modality).members
        return select_ensemble(self.inner_cv, trials, count, self.inner_cv.test_fold)


class FusionObjective(CrossValidationObjective):
    """The same for a fusion, which is compared with the others and with the unimodal models."""

    def select(self, trials: Sequence[Trial], folder: Path) -> Ensemble:
        """Select a fusion.

        Args:
            trials: best first
            folder: gets `predictions.csv`, and the predictions that are compared
        """
        predictions = fusion.compare_fusions(self.project, trials, super()._select)
        file = folder / stacking.COMPARISON
        predictions.to_csv(file, index=False, float_format="%.6f")
        mlflow.log_artifact(str(file))
        return super().select(trials, folder)

    def _select(self, trials: Sequence[Trial]) -> Ensemble:
        return fusion.select_fusion(self.project, self.settings, trials, super()._select)


def select_ensemble(
    inner_cv: InnerCV, trials: Sequence[Trial], count: int, test_fold: int | None
) -> Ensemble:
    """Select a model's members by their predictions on the inner folds.

    Args:
        trials: among whose configurations the members are
        count: how many members
        test_fold: the fold that no fit sees
    """
    predictions = [inner_cv.inner_predictions(trial.hyperparameters, test_fold) for trial in trials]
    indices = select_greedily(predictions, count)
    mean = average_predictions([predictions[index] for index in indices])
    members = [trials[index].hyperparameters for index in indices]
    return Ensemble(members, calibration.fit_temperature(mean), mean)
