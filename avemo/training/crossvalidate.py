"""The whole way of choosing, training and calibrating, tested on each fold in turn.

For each fold the members are chosen anew, by fits that have not seen it, among the configurations
that the search drew; these are drawn at random, before anything is known of them. So that no answer
comes from anything that was learnt from, or chosen on, its own fold.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from tqdm import tqdm

from ..corpus import split
from ..evaluation import calibration, metrics
from ..evaluation.log import log_predictions
from ..evaluation.predictions import write_predictions
from ..paths import Project
from ..records import CrossValidatedFold, CrossValidationResult
from ..settings import Settings
from ..tracking import runs
from . import ensemble_selection
from .inner_cv import Folds, kept, uar
from .objective import ensemble
from .task import Task

__all__ = ["crossvalidate"]


def crossvalidate(
    project: Project, settings: Settings, task: Task, found: dict[str, Any], folder: Path
) -> CrossValidationResult:
    """Answer for every performance by a model that has not heard its fold.

    Args:
        found: what the search found
        folder: gets `predictions.csv` and, before the temperature, `uncalibrated.csv`: performance,
            fold, true, p_neutral to p_surprised

    Raises:
        CorpusError: the search was on another split
    """
    modality = task.modality
    split.require_same_split(found["split"], task.data.split, f"the search result of {modality}")
    stage = f"crossvalidate@{modality}"
    count = settings.search.budget_of(modality).members
    folds = kept(project, settings, task)
    with runs.run(project, settings, stage, modality, "crossvalidate") as run:
        results, before, after = [], [], []
        steps = len(folds.all) * (len(found["trials"]) + count)
        with tqdm(total=steps, desc=f"crossvalidate {modality}", unit="configuration") as bar:
            for fold in folds.all:
                with runs.child(run, f"fold {fold}", {"avemo.modality": modality}) as child:
                    chosen, answers, inner = _fold(folds, found["trials"], count, fold, bar)
                    before.append(answers)
                    after.append(calibration.apply_temperature(answers, chosen["temperature"]))
                    results.append(_fold_result(chosen, after[-1], inner, fold, child))
        plain, calibrated = _joined(before), _joined(after)
        for table, name in ((plain, "uncalibrated"), (calibrated, "predictions")):
            columns = ["performance", "fold", "true", *metrics.PROBABILITIES]
            write_predictions(folder / f"{name}.csv", table[columns])
        figures = log_predictions(settings, calibrated, "crossvalidated", modality)
        error = metrics.calibration_error(plain["true"], metrics.probabilities(plain))
        mlflow.log_metric("crossvalidated_calibration_error_before", error)
    return CrossValidationResult(
        synthetic=settings.corpus.synthetic,
        protocol=settings.split.protocol,
        run_id=run.info.run_id,
        run_name=run.info.run_name,
        folds=results,
        figures=figures,
    )


def _fold(
    folds: Folds, trials: list[dict[str, Any]], count: int, fold: int, bar: Any
) -> tuple[dict[str, Any], pd.DataFrame, float]:
    """Choose and train without a fold: what was chosen, its answers there, and its inner UAR."""
    for trial in trials:
        folds.judged(trial["hyperparameters"], fold)
        bar.update()
    chosen, inner = ensemble(folds, trials, count, fold)
    answers = []
    for place, values in enumerate(chosen["members"]):
        answers.append(folds.answers(values, {fold}, place))
        bar.update()
    return chosen, ensemble_selection.mean(answers), uar(inner)


def _fold_result(
    chosen: dict[str, Any], answers: pd.DataFrame, inner: float, fold: int, child: Any
) -> CrossValidatedFold:
    """Log a fold's figures, and return its result."""
    test_uar = metrics.uar(answers["true"], metrics.predicted(answers))
    mlflow.log_metrics({"inner_uar": inner, "test_uar": test_uar})
    mlflow.log_param("temperature", chosen["temperature"])
    mlflow.log_dict(chosen, "members.json")
    return CrossValidatedFold(
        fold=fold,
        actors=sorted({int(actor) for actor in answers["actor"]}),
        members=[values["architecture"] for values in chosen["members"]],
        configurations=chosen["members"],
        temperature=chosen["temperature"],
        inner_uar=inner,
        uar=test_uar,
        run_id=child.info.run_id,
        run_name=child.info.run_name,
    )


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables).sort_values("performance", ignore_index=True)
