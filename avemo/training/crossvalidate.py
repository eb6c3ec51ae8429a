"""Nested cross-validation: selection, training and calibration, tested on each fold in turn.

For each fold the members are selected anew, by fits that have not seen it, among the search's
configurations; these were drawn at random, before anything was known of them. So no prediction
comes from anything that was fitted to, or selected on, its own fold.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import pandas as pd
from tqdm import tqdm

from ..corpus import split
from ..evaluation import calibration, metrics
from ..evaluation.log import log_predictions
from ..evaluation.predictions import OPTIONAL_COLUMNS, write_predictions
from ..paths import Project
from ..records import CrossValidatedFold, CrossValidationResult, SearchResult
from ..settings import Settings
from ..tracking import runs
from .ensemble_selection import Ensemble, average_predictions
from .inner_cv import InnerCV, mean_uar, open_cache
from .objective import select_ensemble
from .task import TrainingTask

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["crossvalidate", "predict_fold"]


def crossvalidate(
    project: Project,
    settings: Settings,
    task: TrainingTask,
    search_result: SearchResult,
    folder: Path,
) -> CrossValidationResult:
    """Predict every performance by a model that has not seen its fold.

    Args:
        search_result: whose trials the members are selected among
        folder: gets `predictions.csv` and, before the temperature, `uncalibrated.csv`: performance,
            fold, true, and the probabilities

    Raises:
        CorpusError: the search was on another split
    """
    modality = task.modality
    split.require_same_split(
        search_result.split_id, task.data.split_id, f"the search result of {modality}"
    )
    stage = runs.stage_name("crossvalidate", modality)
    count = settings.search.budget_of(modality).members
    inner_cv = open_cache(project, settings, task)
    with runs.run(project, settings, stage, modality, "crossvalidate") as run:
        folds, uncalibrated, calibrated = [], [], []
        steps = len(inner_cv.folds) * (len(search_result.trials) + count)
        with tqdm(total=steps, desc=f"crossvalidate {modality}", unit="configuration") as bar:
            for fold in inner_cv.folds:
                with runs.child(run, f"fold {fold}", {"avemo.modality": modality}) as child:
                    ensemble, predictions = predict_fold(
                        inner_cv, search_result, count, fold, bar.update
                    )
                    uncalibrated.append(predictions)
                    predictions = calibration.apply_temperature(predictions, ensemble.temperature)
                    calibrated.append(predictions)
                    folds.append(_log_fold(ensemble, predictions, fold, child))
        before, after = _concatenate(uncalibrated), _concatenate(calibrated)
        write_predictions(folder / "uncalibrated.csv", before.drop(columns=OPTIONAL_COLUMNS))
        write_predictions(folder / "predictions.csv", after.drop(columns=OPTIONAL_COLUMNS))
        figures = log_predictions(settings, after, "crossvalidated", modality)
        error = metrics.calibration_error(
            before["true"], metrics.probabilities(before), metrics.classes_of(before)
        )
        mlflow.log_metric("crossvalidated_calibration_error_before", error)
    return CrossValidationResult(
        synthetic=settings.corpus.synthetic,
        protocol=settings.split.protocol,
        run_id=run.info.run_id,
        run_name=run.info.run_name,
        folds=folds,
        figures=figures,
    )


def predict_fold(
    inner_cv: InnerCV,
    search_result: SearchResult,
    count: int,
    test_fold: int,
    on_step: Callable[[], object],
) -> tuple[Ensemble, pd.DataFrame]:
    """Select an ensemble by fits that have not seen a fold, and predict the fold.

    Args:
        inner_cv: the fits
        search_result: whose trials the members are selected among
        count: how many members
        test_fold: the fold
        on_step: called after each trial and each member

    Returns:
        the ensemble, and its predictions of the fold, before the temperature
    """
    for trial in search_result.trials:
        inner_cv.inner_predictions(trial.hyperparameters, test_fold)
        on_step()
    ensemble = select_ensemble(inner_cv, search_result.trials, count, test_fold)
    predictions = []
    for index, configuration in enumerate(ensemble.members):
        predictions.append(inner_cv.out_of_fold_predictions(configuration, {test_fold}, index))
        on_step()
    return ensemble, average_predictions(predictions)


def _log_fold(
    ensemble: Ensemble, predictions: pd.DataFrame, fold: int, child: "Run"
) -> CrossValidatedFold:
    """Log a fold's figures to the active run, and return its result."""
    test_uar = metrics.uar_of(predictions)
    inner_uar = mean_uar(ensemble.predictions)
    mlflow.log_metrics({"inner_uar": inner_uar, "test_uar": test_uar})
    corpora = sorted(set(predictions["corpus"]))
    mlflow.log_params({"temperature": ensemble.temperature, "corpora": ", ".join(corpora)})
    members = {"members": ensemble.members, "temperature": ensemble.temperature}
    mlflow.log_dict(members, "members.json")
    return CrossValidatedFold(
        fold=fold,
        actors=sorted(set(predictions["actor"])),
        corpora=corpora,
        members=[str(configuration["architecture"]) for configuration in ensemble.members],
        configurations=ensemble.members,
        temperature=ensemble.temperature,
        inner_uar=inner_uar,
        uar=test_uar,
        run_id=child.info.run_id,
        run_name=child.info.run_name,
    )


def _concatenate(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables).sort_values("performance", ignore_index=True)
