"""Fit what the search chose, and keep it with all that it needs."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import mlflow
import pandas as pd

from ..corpus import split
from ..datasets import Dataset
from ..emotions import EMOTIONS
from ..evaluation import calibration, metrics, plots
from ..evaluation.log import log_predictions, title_suffix
from ..evaluation.predictions import read_predictions, write_predictions
from ..features.spec import FeatureSpec
from ..models import bundle, ensemble
from ..paths import Project
from ..settings import Settings
from ..tracking import lineage, runs
from . import fusion, stacking
from .fit import deterministic, fit
from .task import Preprocessors, Task

__all__ = ["train"]


def train(
    project: Project, settings: Settings, task: Task, found: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Fit the members, join them, and set their confidence right.

    They are trained on everything but the test part, and judged by what they answered on the inner
    folds while the search was under way.

    Args:
        found: what the search found
        folder: gets the bundle, `history.csv`, and `predictions.csv`: answers to what was not
            trained on, without the test part

    Returns:
        for JSON: run_id, architecture, the validation figures and, of a fusion, a note

    Raises:
        CorpusError: the search was on another split
    """
    modality = task.modality
    split.require_same_split(found["split"], task.data.split, f"the search result of {modality}")
    trained_on = task.data.where(task.data.rows["part"].ne("test"))
    preprocessors = task.prepare(trained_on)
    names = [values["architecture"] for values in found["members"]]
    name = " + ".join(dict.fromkeys(names))
    parts = {part: bundle.Bundle(project.trained(part)) for part in task.parts}
    specs = dict(task.data.specs)
    for model in parts.values():
        specs |= {
            name: FeatureSpec.model_validate(fields)
            for name, fields in model.description["features"].items()
        }
    networks = task.networks(preprocessors)
    taken = {feature for member in names for feature in networks.inference_features(member)}
    by_answers = not taken.isdisjoint(task.given)
    if by_answers:
        taken = {feature for one in parts.values() for feature in one.preprocessors}
    description = {
        "modality": modality,
        "architecture": name,
        "members": found["members"],
        "classes": list(EMOTIONS),
        "features": {name: specs[name].model_dump(mode="json") for name in sorted(taken)},
        "limits": settings.catalogue.model_dump(include={"min_duration_s", "silence_dbfs"}),
        "split": task.data.split,
        "seed": settings.seed,
        "synthetic": settings.corpus.synthetic,
        "trained_on": {
            "performances": len(trained_on),
            "actors": int(trained_on.rows["actor"].nunique()),
        },
    }
    tags = {"avemo.search_run": found["run_id"], "avemo.architecture": name}
    tags |= {f"avemo.features.{feature}": specs[feature].to_json() for feature in sorted(taken)}
    stage = runs.stage_name("train", modality)
    choice = lineage.ModelChoice(
        search_run_id=found["run_id"],
        members=[
            lineage.Member(
                seed=settings.seed + place,
                trial_run_id=_trial(found, values),
                configuration=values,
            )
            for place, values in enumerate(found["members"])
        ],
    )
    with runs.run(
        project,
        settings,
        stage,
        modality,
        f"train {name}",
        tags=tags,
        features=[specs[name] for name in sorted(taken)],
        choice=choice,
    ) as run:
        mlflow.log_params({f"trained_on.{k}": v for k, v in description["trained_on"].items()})
        mlflow.log_dict({"members": found["members"]}, "members.json")
        fits = [
            _member(settings, task, preprocessors, values, place, trained_on, run)
            for place, values in enumerate(found["members"])
        ]
        members = [network for network, _ in fits]
        history = pd.concat([one.assign(member=place) for place, (_, one) in enumerate(fits)])
        history.to_csv(folder / "history.csv", index=False)
        file = project.search(modality) / stacking.FILE
        judged = read_predictions(file) if file.exists() else pd.DataFrame()
        temperature = calibration.fit_temperature(judged) if len(judged) else 1.0
        shares = [1 / len(members)] * len(members)
        network = ensemble.weighted_ensemble(members, shares, temperature)
        mlflow.log_params({"members": len(members), "temperature": temperature})
        description["temperature"] = temperature
        if by_answers:
            network = fusion.whole(network, parts)
            preprocessors = {k: v for one in parts.values() for k, v in one.preprocessors.items()}
        kept = {feature: preprocessors[feature] for feature in network.input}
        mlflow.log_param("parameters", network.count_params())
        bundle.write(folder, network, kept, description)
        figures: dict[str, Any] = {}
        if len(judged):
            before = metrics.calibration_error(judged["true"], metrics.probabilities(judged))
            mlflow.log_metric("valid_calibration_error_before", before)
            judged = calibration.apply_temperature(judged, temperature)
            write_predictions(folder / "predictions.csv", judged)
            logged = log_predictions(settings, judged, "valid", modality)
            figures = {name: asdict(interval) for name, interval in logged.items()}
        else:
            mlflow.set_tag("avemo.valid", "absent: the search had too few folds to choose by")
        made = {"run_id": run.info.run_id, "architecture": name, "valid": figures}
        if parts:
            made["note"] = fusion.note(found)
            mlflow.set_tag("avemo.fusion", made["note"])
    return made


def _trial(found: dict[str, Any], values: dict[str, Any]) -> str:
    """The run of the trial that a member is of; empty where there was nothing to choose by."""
    trials = found.get("trials", [])
    own = [one["run_id"] for one in trials if one["hyperparameters"] == values]
    return own[0] if own else ""


def _member(
    settings: Settings,
    task: Task,
    preprocessors: Preprocessors,
    values: dict[str, Any],
    place: int,
    train: Dataset,
    run: Any,
) -> tuple[keras.Model, pd.DataFrame]:
    """Fit one configuration, in a child run: the network, and its epochs."""
    modality = task.modality
    deterministic(settings.seed + place)
    networks = task.networks(preprocessors)
    network = networks.build_from(values)
    title = f"member {place} {values['architecture']}"
    with runs.child(run, title, {"avemo.modality": modality}):
        mlflow.log_params({**values, "parameters": network.count_params()})
        history = fit(
            network,
            train,
            preprocessors,
            augmentation=networks.augmentation_for(values),
            epochs=settings.search.budget_of(modality).epochs,
            batch_size=getattr(settings.search, modality).batch_size,
            seed=settings.seed + place,
        )
        runs.log_epochs(history)
        if len(history):
            figure = plots.learning_curves(history, title + title_suffix(settings))
            mlflow.log_figure(figure, "learning_curves.png")
    return networks.with_tta(network, values["architecture"]), history
