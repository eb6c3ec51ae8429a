"""Evaluation of every trained model on the test part, which nothing else looks at."""

from dataclasses import replace
from pathlib import Path

import mlflow
import pandas as pd

from ..corpus import split
from ..datasets import Dataset, load
from ..features.names import modality_of
from ..modalities import MODALITIES, UNIMODAL, Modality, Unimodal
from ..models.bundle import Bundle
from ..paths import Project
from ..records import (
    EvaluationResult,
    Figures,
    ModalityResult,
    Skipped,
    TrainResult,
    read_or_skipped,
)
from ..settings import Settings
from ..tracking import runs
from . import dvc_tables, plots
from .log import log_predictions
from .predictions import predict, write_predictions
from .prior import evaluate_prior
from .selective_log import log_selective

__all__ = ["UNIMODAL_TITLES", "evaluate"]

#: of the fused model's figures where one modality alone is present
UNIMODAL_TITLES: dict[Unimodal, str] = {"audio": "sound alone", "visual": "picture alone"}


def evaluate(project: Project, settings: Settings, folder: Path) -> EvaluationResult:
    """Evaluate each trained model on the test part, and log its figures to its training run.

    Args:
        folder: gets `metrics.json`, `MODALITY.csv` (predictions; `fused_audio.csv` and
            `fused_visual.csv` by the fused model from sound or picture alone), `comparison.png`,
            and what `dvc_tables` and `evaluate_prior` write

    Raises:
        CorpusError: a model was trained on another split, whose training part may have held
            performances of this test part; or it tells other classes apart
    """
    results = {modality: _evaluate(project, settings, modality, folder) for modality in MODALITIES}
    tested = {name: result.test for name, result in results.items() if result.test is not None}
    _plot_comparison(settings, results, folder)
    dvc_tables.write_summary(folder, tested)
    result = EvaluationResult(
        synthetic=settings.corpus.synthetic,
        protocol=settings.split.protocol,
        modalities=results,
    )
    result.write(folder / "metrics.json")
    return result


def _evaluate(
    project: Project, settings: Settings, modality: Modality, folder: Path
) -> ModalityResult:
    trained = read_or_skipped(TrainResult, project.train_result(modality))
    if isinstance(trained, Skipped):
        return ModalityResult(skipped=trained.reason)
    bundle = Bundle(project.trained(modality))
    data = load(project, list(bundle.preprocessors), settings.labels.classes).part("test")
    split.require_same_split(bundle.config.split_id, data.split_id, f"the trained {modality} model")
    result = ModalityResult(run_id=trained.run_id, architecture=trained.architecture)
    with runs.reopen(trained.run_id):
        if not len(data):
            reason = f"the test part holds no performance with {' and '.join(data.features)}"
            mlflow.set_tag("avemo.test", f"skipped: {reason}")
            prior = evaluate_prior(project, settings, bundle, None, folder)
            return result.model_copy(update={"no_test_data": reason, "prior": prior})
        predictions = predict(bundle, data)
        write_predictions(folder / f"{modality}.csv", predictions)
        test = _log(settings, bundle, predictions, "test", modality)
        history = pd.read_csv(project.trained(modality) / "history.csv")
        dvc_tables.write_tables(folder, modality, predictions, history)
        unimodal = {}
        if modality == "fused":
            unimodal = {
                present: _evaluate_unimodal(settings, bundle, data, present, folder)
                for present in UNIMODAL
            }
        prior = evaluate_prior(project, settings, bundle, predictions, folder)
    return result.model_copy(update={"test": test, "unimodal": unimodal, "prior": prior})


def _evaluate_unimodal(
    settings: Settings, bundle: Bundle, data: Dataset, present: Unimodal, folder: Path
) -> Figures:
    """Return the fused model's figures with the other modality missing."""
    features = {
        feature: clips
        if modality_of(feature) == present
        else [bundle.preprocessors[feature].empty] * len(clips)
        for feature, clips in data.features.items()
    }
    predictions = predict(bundle, replace(data, features=features))
    write_predictions(folder / f"fused_{present}.csv", predictions)
    subject = f"fused, {UNIMODAL_TITLES[present]}"
    return _log(settings, bundle, predictions, f"test_{present}_alone", subject)


def _log(
    settings: Settings, bundle: Bundle, predictions: pd.DataFrame, part: str, subject: str
) -> Figures:
    """Log predictions, and what the model's thresholds make of them."""
    figures = log_predictions(settings, predictions, part, subject)
    return figures | log_selective(settings, predictions, bundle.config, part, subject)


def _plot_comparison(
    settings: Settings, results: dict[Modality, ModalityResult], folder: Path
) -> None:
    """Draw the UAR of all models that were tested, if any was."""
    tested = {str(name): result.test["uar"] for name, result in results.items() if result.test}
    if not tested:
        return
    for present, figures in results["fused"].unimodal.items():
        tested[f"fused, {UNIMODAL_TITLES[present]}"] = figures["uar"]
    title = "Test part"
    if settings.corpus.synthetic:
        title += ", synthetic sample: no statement about accuracy"
    figure = plots.plot_comparison(tested, title, chance=_chance_level(results))
    figure.savefig(folder / "comparison.png")


def _chance_level(results: dict[Modality, ModalityResult]) -> float:
    """Return one over the number of emotions that the test part holds."""
    figures = next(result.test for result in results.values() if result.test)
    return 1 / sum(name.startswith("recall_") for name in figures)
