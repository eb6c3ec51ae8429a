"""Nested cross-validation of the fusion: both modalities and every way to fuse their predictions.

For each fold the members of both modalities are selected and calibrated anew, by fits that have not
seen it. A fusion is fitted to the two ensembles' predictions of the other folds, each by models
that saw neither the tested fold nor the one that they predict, and tested on the fold. These fits
are those of the two modalities' own cross-validations, and share their cache.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import mlflow
import numpy as np
import pandas as pd
from tqdm import tqdm

from ..corpus import split
from ..datasets import Dataset
from ..evaluation import calibration, metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..evaluation.log import log_figures, log_predictions
from ..evaluation.predictions import OPTIONAL_COLUMNS, predictions_frame, write_predictions
from ..modalities import UNIMODAL, Unimodal
from ..models.end_to_end import feature_name
from ..models.weighted_product import combine, fit_weights
from ..paths import Project
from ..records import Figures, FusedFold, FusionCrossValidation, SearchResult
from ..settings import Settings
from ..tracking import runs
from . import fusion, stacking
from .crossvalidate import predict_fold
from .inner_cv import InnerCV, open_cache
from .task import TrainingTask, load_task

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GEOMETRIC_MEAN", "crossvalidate_fusion", "fuse_fold"]

GEOMETRIC_MEAN = "geometric_mean"


def crossvalidate_fusion(
    project: Project,
    settings: Settings,
    search_results: Mapping[Unimodal, SearchResult],
    folder: Path,
) -> FusionCrossValidation:
    """Predict every performance that has both modalities by models that have not seen its fold.

    Args:
        search_results: by modality, whose trials the members are selected among
        folder: gets `predictions.csv` of the late fusion, and `comparison.csv` with those of every
            system: system, performance, fold, true, p_neutral to p_surprised

    Raises:
        CorpusError: a search was on another split
    """
    stage = runs.stage_name("crossvalidate", "fused")
    with runs.run(project, settings, stage, "fused", "crossvalidate") as run:
        # one modality after the other: the features of both would fill the memory
        predictions = {
            modality: _predict_modality(project, settings, modality, search_results[modality])
            for modality in UNIMODAL
        }
        tables, folds = [], []
        for fold in sorted(set.intersection(*(set(folds) for folds in predictions.values()))):
            data = fusion.join_predictions(
                {modality: folds[fold] for modality, folds in predictions.items()},
                split.split_id(project.split),
            )
            if not data.rows["fold"].eq(fold).any():
                continue
            systems, weights = fuse_fold(settings, data, fold)
            tables += [rows.assign(system=name) for name, rows in systems.items()]
            uars = {name: metrics.uar_of(rows) for name, rows in systems.items()}
            with runs.child(run, f"fold {fold}", {"avemo.modality": "fused"}) as child:
                mlflow.log_metrics({f"test_uar_{name}": value for name, value in uars.items()})
                mlflow.log_params({f"weight_{name}": value for name, value in weights.items()})
            folds.append(
                FusedFold(
                    fold=fold,
                    actors=sorted(set(systems[fusion.LATE]["actor"])),
                    weights=weights,
                    uars=uars,
                    run_id=child.info.run_id,
                    run_name=child.info.run_name,
                )
            )
        comparison = pd.concat(tables, ignore_index=True)
        by_system = {
            str(name): rows.sort_values("performance", ignore_index=True)
            for name, rows in comparison.groupby("system", sort=False)
        }
        late = by_system[fusion.LATE]
        own = late.drop(columns=["system", *OPTIONAL_COLUMNS])
        write_predictions(folder / "predictions.csv", own)
        file = folder / stacking.COMPARISON
        comparison[["system", *own.columns]].to_csv(file, index=False, float_format="%.9g")
        mlflow.log_artifact(str(file))
        log_predictions(settings, late, "crossvalidated", "fused")
        figures, gains = _compare(settings, by_system)
        for name, gain in gains.items():
            log_figures({"gain": gain}, f"crossvalidated_{name}")
    return FusionCrossValidation(
        synthetic=settings.corpus.synthetic,
        protocol=settings.split.protocol,
        run_id=run.info.run_id,
        run_name=run.info.run_name,
        folds=folds,
        figures=figures,
        gains=gains,
    )


def fuse_fold(
    settings: Settings, data: Dataset, test_fold: int
) -> tuple[dict[str, pd.DataFrame], dict[Unimodal, float]]:
    """Fit every fusion to the other folds, and predict one.

    Args:
        data: performances with both modalities' log probabilities, see `fusion.join_predictions`;
            none of them by a model that saw the fold, or the performance's own

    Returns:
        by system, the predictions of the fold; and by modality, the weight of the late fusion
    """
    is_tested = data.rows["fold"].eq(test_fold)
    train, test = data.where(~is_tested), data.where(is_tested)
    weights = fit_weights(_log_probabilities(train), train.labels)
    logarithms = _log_probabilities(test)
    single = np.eye(len(UNIMODAL))
    products = {modality: single[index] for index, modality in enumerate(UNIMODAL)} | {
        GEOMETRIC_MEAN: np.full(len(UNIMODAL), 1 / len(UNIMODAL)),
        fusion.LATE: weights,
    }
    systems = {
        str(name): predictions_frame(test, combine(logarithms, own))
        for name, own in products.items()
    }
    systems[fusion.STACKING] = _stack(settings, data, test_fold)
    return systems, dict(zip(UNIMODAL, weights.tolist(), strict=True))


def _predict_modality(
    project: Project, settings: Settings, modality: Unimodal, search_result: SearchResult
) -> dict[int, pd.DataFrame]:
    """Return by tested fold the calibrated predictions of it, and of all others."""
    task = load_task(project, settings, modality)
    split.require_same_split(
        search_result.split_id, task.data.split_id, f"the search result of {modality}"
    )
    inner_cv = open_cache(project, settings, task)
    count = settings.search.budget_of(modality).members
    predictions = {}
    steps = len(inner_cv.folds) * (len(search_result.trials) + count)
    with tqdm(total=steps, desc=f"crossvalidate {modality}", unit="configuration") as bar:
        for fold in inner_cv.folds:
            ensemble, tested = predict_fold(inner_cv, search_result, count, fold, bar.update)
            rows = pd.concat([ensemble.predictions, tested], ignore_index=True)
            predictions[fold] = calibration.apply_temperature(rows, ensemble.temperature)
    return predictions


def _stack(settings: Settings, data: Dataset, test_fold: int) -> pd.DataFrame:
    """Return the predictions of a fold by stacking."""
    preprocessors = fusion.stacking_preprocessors(len(data.classes))
    task = TrainingTask("fused", data, [fusion.STACKING], {}, {}, preprocessors)
    with TemporaryDirectory() as cache:
        inner_cv = InnerCV(task, settings, Path(cache))
        return inner_cv.out_of_fold_predictions({"architecture": fusion.STACKING}, {test_fold})


def _log_probabilities(data: Dataset) -> "NDArray[np.float32]":
    """Return the features of both modalities [shape=(clips, emotions, modalities)]."""
    features = [data.features[feature_name(modality)] for modality in UNIMODAL]
    return np.stack([np.concatenate(arrays) for arrays in features], axis=2)


def _compare(
    settings: Settings, systems: Mapping[str, pd.DataFrame]
) -> tuple[dict[str, Figures], Figures]:
    """Return each system's figures, and each fusion's gain over the better single modality."""
    bootstrap = Bootstrap.from_settings(settings)
    figures = {name: metrics.intervals(rows, bootstrap) for name, rows in systems.items()}
    best = systems[max(UNIMODAL, key=lambda modality: figures[modality]["uar"].value)]
    gains = {
        name: paired.paired_bootstrap(rows, best, bootstrap)["uar"]
        for name, rows in systems.items()
        if name not in UNIMODAL
    }
    return figures, gains
