"""Training: fit the members that the search selected, and write them as one bundle."""

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import mlflow
import pandas as pd

from ..corpus import split
from ..datasets import Dataset
from ..evaluation import calibration, metrics, plots
from ..evaluation.abstention import select_threshold
from ..evaluation.bootstrap import Bootstrap
from ..evaluation.conformal import fit_sets
from ..evaluation.log import log_predictions, title_suffix
from ..evaluation.predictions import read_predictions, write_predictions
from ..evaluation.selective_log import log_selective
from ..modalities import Unimodal
from ..models import bundle
from ..models.end_to_end import build_end_to_end, feature_name
from ..models.ensemble import weighted_ensemble
from ..paths import Project
from ..records import (
    Abstention,
    AdaptationResult,
    BundleConfig,
    Configuration,
    ConformalSets,
    Figures,
    SearchResult,
    TrainedOn,
    TrainResult,
)
from ..settings import Settings
from ..tracking import lineage, runs
from . import fusion, stacking
from .adapted_bundle import adapt_audio, adapt_fused
from .fit import fit, make_deterministic
from .task import Preprocessors, TrainingTask

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["train"]


def train(
    project: Project,
    settings: Settings,
    task: TrainingTask,
    search_result: SearchResult,
    folder: Path,
) -> TrainResult:
    """Fit the members on everything but the test part, and join them to one calibrated network.

    The validation figures are of the members' predictions on the search's inner folds.

    Args:
        folder: gets the bundle, `history.csv` and, if there was anything to choose by,
            `predictions.csv`: calibrated out-of-fold predictions, without the test part

    Raises:
        CorpusError: the search was on another split
    """
    modality = task.modality
    split.require_same_split(
        search_result.split_id, task.data.split_id, f"the search result of {modality}"
    )
    train_data = task.data.where(task.data.rows["part"].ne("test"))
    preprocessors = task.fit_preprocessors(train_data)
    branches = {branch: bundle.Bundle(project.trained(branch)) for branch in task.branches}
    config = _describe(settings, task, search_result, branches, train_data)
    architecture = config.architecture
    tags = {"avemo.search_run": search_result.run_id, "avemo.architecture": architecture}
    tags |= {
        f"avemo.features.{feature}": spec.to_json() for feature, spec in config.features.items()
    }
    choice = lineage.ModelChoice(
        search_run_id=search_result.run_id,
        members=[
            lineage.Member(
                seed=settings.seed + index,
                trial_run_id=_trial_run(search_result, configuration),
                configuration=configuration,
            )
            for index, configuration in enumerate(search_result.members)
        ],
    )
    with runs.run(
        project,
        settings,
        runs.stage_name("train", modality),
        modality,
        f"train {architecture}",
        tags=tags,
        features=list(config.features.values()),
        choice=choice,
    ) as run:
        mlflow.log_params({f"trained_on.{key}": count for key, count in config.trained_on})
        mlflow.log_dict({"members": search_result.members}, "members.json")
        members, histories = [], []
        for index, configuration in enumerate(search_result.members):
            network, history = _fit_member(
                settings, task, preprocessors, configuration, index, train_data, run
            )
            members.append(network)
            histories.append(history.assign(member=index))
        pd.concat(histories).to_csv(folder / "history.csv", index=False)
        weights = [1 / len(members)] * len(members)
        network = ensemble = weighted_ensemble(members, weights, config.temperature)
        mlflow.log_params({"members": len(members), "temperature": config.temperature})
        if _fuses_predictions(task, search_result):
            network = build_end_to_end(network, branches)
            preprocessors = {**preprocessors, **_preprocessors_of(branches)}
        mlflow.log_param("parameters", network.count_params())
        inputs = {feature: preprocessors[feature] for feature in network.input}
        validation = _validation_predictions(project, task, search_result)
        config = config.model_copy(update=_thresholds(settings, validation))
        adapted: AdaptationResult | str = "only sound that is heard alone or in a product adapts"
        if task.modality == "audio":
            adapted = adapt_audio(settings, train_data, validation, config, folder)
        elif _fuses_predictions(task, search_result):
            adapted = adapt_fused(ensemble, branches["audio"], folder)
        if isinstance(adapted, AdaptationResult):
            config = config.model_copy(update={"adaptation": adapted})
        _log_adaptation(adapted)
        bundle.write(folder, network, inputs, config)
        valid = _log_validation(settings, validation, config, folder)
        note = fusion.describe_choice(search_result.fusion) if branches else ""
        if note:
            mlflow.set_tag("avemo.fusion", note)
    return TrainResult(run_id=run.info.run_id, architecture=architecture, valid=valid, note=note)


def _describe(
    settings: Settings,
    task: TrainingTask,
    search_result: SearchResult,
    branches: dict[Unimodal, bundle.Bundle],
    train_data: Dataset,
) -> BundleConfig:
    """Return what the bundle says of the model, without the preprocessors."""
    names = [str(configuration["architecture"]) for configuration in search_result.members]
    specs = dict(task.data.specs)
    hypermodel = task.hypermodel({})
    features = {feature for name in names for feature in hypermodel.inference_features(name)}
    for modality, branch in branches.items():
        specs |= branch.config.features
        if (log_probabilities := feature_name(modality)) in features:
            features = features - {log_probabilities} | branch.preprocessors.keys()
    return BundleConfig(
        modality=task.modality,
        architecture=" + ".join(dict.fromkeys(names)),
        members=search_result.members,
        classes=list(task.data.classes),
        features={feature: specs[feature] for feature in sorted(features)},
        limits=settings.catalogue.model_dump(include={"min_duration_s", "silence_dbfs"}),
        split_id=task.data.split_id,
        seed=settings.seed,
        temperature=search_result.temperature or 1.0,
        synthetic=settings.corpus.synthetic,
        window_s=settings.timeline.window_s,
        hop_s=settings.timeline.hop_s,
        trained_on=TrainedOn(
            performances=len(train_data),
            actors=train_data.rows["actor"].nunique(),
            corpora=[] if settings.corpus.synthetic else sorted(set(train_data.rows["corpus"])),
        ),
    )


def _fuses_predictions(task: TrainingTask, search_result: SearchResult) -> bool:
    """Whether the members fuse the unimodal models' predictions."""
    architectures = {configuration["architecture"] for configuration in search_result.members}
    return task.modality == "fused" and not architectures.isdisjoint(fusion.OF_PREDICTIONS)


def _preprocessors_of(branches: dict[Unimodal, bundle.Bundle]) -> Preprocessors:
    return {
        feature: preprocessor
        for branch in branches.values()
        for feature, preprocessor in branch.preprocessors.items()
    }


def _trial_run(search_result: SearchResult, configuration: Configuration) -> str:
    """Return the run of a member's trial; empty where there was nothing to choose by."""
    run_ids = (
        trial.run_id for trial in search_result.trials if trial.hyperparameters == configuration
    )
    return next(run_ids, "")


def _fit_member(
    settings: Settings,
    task: TrainingTask,
    preprocessors: Preprocessors,
    configuration: Configuration,
    index: int,
    train_data: Dataset,
    parent: "Run",
) -> tuple[keras.Model, pd.DataFrame]:
    """Fit one configuration in a child run, and return the network and its history."""
    modality = task.modality
    make_deterministic(settings.seed + index)
    hypermodel = task.hypermodel(preprocessors)
    network = hypermodel.build_from(configuration)
    architecture = str(configuration["architecture"])
    title = f"member {index} {architecture}"
    with runs.child(parent, title, {"avemo.modality": modality}):
        mlflow.log_params({**configuration, "parameters": network.count_params()})
        history = fit(
            network,
            train_data,
            preprocessors,
            augmentation=hypermodel.augmentation_for(configuration),
            solver=hypermodel.solver_for(configuration),
            epochs=settings.search.budget_of(modality).epochs,
            batch_size=settings.search.of(modality).batch_size,
            seed=settings.seed + index,
        )
        runs.log_epochs(history)
        if modality == "fused" and architecture == fusion.LATE:
            weights = fusion.weights_of(network)
            mlflow.log_params({f"weight_{name}": weight for name, weight in weights.items()})
        if len(history):
            figure = plots.plot_learning_curves(history, title + title_suffix(settings))
            mlflow.log_figure(figure, "learning_curves.png")
    return hypermodel.with_tta(network, architecture), history


def _validation_predictions(
    project: Project, task: TrainingTask, search_result: SearchResult
) -> pd.DataFrame | None:
    """Return the calibrated predictions on the inner folds; None where the search has none."""
    if search_result.temperature is None:
        mlflow.set_tag("avemo.valid", "skipped: the search had too few folds to choose by")
        return None
    predictions = read_predictions(project.search(task.modality) / stacking.PREDICTIONS)
    error = metrics.calibration_error(
        predictions["true"], metrics.probabilities(predictions), metrics.classes_of(predictions)
    )
    mlflow.log_metric("valid_calibration_error_before", error)
    return calibration.apply_temperature(predictions, search_result.temperature)


def _thresholds(
    settings: Settings, validation: pd.DataFrame | None
) -> dict[str, Abstention | ConformalSets]:
    """Return the fields of `BundleConfig` that say how certain a prediction is."""
    if validation is None:
        return {}
    limits = settings.abstention
    abstention = select_threshold(
        validation,
        Bootstrap.from_settings(settings),
        target=limits.min_accuracy,
        min_coverage=limits.min_coverage,
    )
    return {
        "abstention": abstention,
        "conformal_sets": fit_sets(validation, limits.set_coverage),
    }


def _log_adaptation(adapted: AdaptationResult | str) -> None:
    """Log what adaptation to a speaker is worth, or why there is none, to the active run."""
    if isinstance(adapted, str):
        mlflow.set_tag("avemo.adaptation", f"none: {adapted}")
        return
    mlflow.set_tag("avemo.adaptation", str(adapted))
    mlflow.log_params({"adaptation_trust": adapted.trust, "adaptation_weight": adapted.weight})
    mlflow.log_metrics(
        {f"adapted_uar_{case.replace(' ', '_')}": uar.value for case, uar in adapted.uar.items()}
    )


def _log_validation(
    settings: Settings, validation: pd.DataFrame | None, config: BundleConfig, folder: Path
) -> Figures | None:
    """Log and write the calibrated predictions on the inner folds, if there are any."""
    if validation is None:
        return None
    write_predictions(folder / "predictions.csv", validation)
    if config.abstention and config.conformal_sets:
        mlflow.set_tag("avemo.abstention", str(config.abstention))
        mlflow.log_params(
            {
                "abstention_threshold": config.abstention.threshold,
                "set_threshold": config.conformal_sets.threshold,
            }
        )
    figures = log_predictions(settings, validation, "valid", config.modality)
    return figures | log_selective(settings, validation, config, "valid", config.modality)
