"""Fit the chosen configuration, and keep it with all that it needs."""

import json
from pathlib import Path
from typing import Any

import keras_tuner
import mlflow
import pandas as pd

from ..corpus import split
from ..corpus.ravdess import EMOTIONS
from ..evaluation import metrics, plots
from ..models import bundle
from ..project import Project
from ..settings import Settings
from ..tracking import runs
from .data import Dataset
from .fit import deterministic, fit
from .task import Task

__all__ = ["log_judgement", "predictions", "train"]


def train(
    project: Project, settings: Settings, task: Task, found: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Fit on the training part, stopped by the validation part.

    Args:
        found: what the search found
        folder: gets the bundle and `history.csv`, and `predictions.csv` of the validation part

    Returns:
        for JSON: run_id, architecture and the validation figures

    Raises:
        CorpusError: the search was on another split
    """
    modality = task.modality
    split.require(found["split"], task.data.split, f"the search result of {modality}")
    hp = keras_tuner.HyperParameters()
    hp.values = dict(found["best"]["hyperparameters"])
    deterministic(settings.seed)
    model = task.hypermodel.build(hp)
    name = hp.values["architecture"]
    kept = {feature: task.preparations[feature] for feature in task.hypermodel.inputs(name)}
    train_part = task.data.part("train")
    description = {
        "modality": modality,
        "architecture": name,
        "hyperparameters": hp.values,
        "classes": list(EMOTIONS),
        "features": {feature: task.data.descriptions[feature] for feature in kept},
        "limits": settings.catalogue.model_dump(include={"min_duration_s", "silence_dbfs"}),
        "split": task.data.split,
        "seed": settings.seed,
        "synthetic": settings.corpus.synthetic,
        "trained_on": {
            "performances": len(train_part),
            "actors": int(train_part.rows["actor"].nunique()),
        },
    }
    tags = {"avemo.search_run": found["run_id"], "avemo.architecture": name}
    tags |= {
        f"avemo.features.{feature}": json.dumps(text)
        for feature, text in description["features"].items()
    }
    stage = runs.stage_of("train", modality)
    with runs.run(project, settings, stage, modality, f"train {name}", tags=tags) as run:
        mlflow.log_params({**hp.values, "parameters": model.count_params()})
        mlflow.log_params({f"trained_on.{k}": v for k, v in description["trained_on"].items()})
        examples = task.examples("train")
        assert examples is not None
        history = fit(
            model,
            examples,
            task.examples("valid"),
            epochs=settings.training.epochs,
            patience=settings.training.patience,
            batch_size=settings.training.batch_size,
        )
        runs.log_epochs(history)
        mlflow.log_figure(
            plots.learning_curves(history, f"{modality} {name}{_kind(settings)}"),
            "learning_curves.png",
        )
        bundle.write(folder, model, kept, description)
        history.to_csv(folder / "history.csv", index=False)
        figures: dict[str, Any] = {}
        judged = task.data.part("valid")
        if len(judged):
            table = predictions(bundle.Bundle(folder), judged)
            table.to_csv(folder / "predictions.csv", index=False, float_format="%.6f")
            figures = log_judgement(settings, table, "valid", modality)
        else:
            mlflow.set_tag("avemo.valid", "absent: the part holds no performance of this modality")
    return {"run_id": run.info.run_id, "architecture": name, "valid": figures}


def predictions(model: bundle.Bundle, data: Dataset) -> pd.DataFrame:
    """One row a performance: performance, actor, fold, part, true, p_neutral to p_surprised."""
    probabilities = model.probabilities(data.features)
    table = data.rows[["performance", "actor", "fold", "part"]].copy()
    table["true"] = data.rows["emotion"]
    for place, name in enumerate(EMOTIONS):
        table[f"p_{name}"] = probabilities[:, place]
    return table


def log_judgement(
    settings: Settings, table: pd.DataFrame, part: str, modality: str
) -> dict[str, Any]:
    """Metrics with intervals, confusion matrix and report, into the run under way.

    Returns:
        for JSON: each metric's value, low, high, and over how many performances and actors
    """
    found = metrics.intervals(
        table,
        resamples=settings.evaluation.resamples,
        confidence=settings.evaluation.confidence,
        seed=settings.seed,
    )
    for name, one in found.items():
        values = {"": one.value, "_low": one.low, "_high": one.high}
        mlflow.log_metrics(
            {f"{part}_{name}{end}": value for end, value in values.items() if value is not None}
        )
    title = f"{modality}, {part} part" + _kind(settings)
    mlflow.log_figure(plots.confusion(table, title), f"{part}_confusion.png")
    mlflow.log_text(metrics.classification_report(table), f"{part}_report.txt")
    mlflow.log_table(table, f"{part}_predictions.json")
    return {name: vars(one) for name, one in found.items()}


def _kind(settings: Settings) -> str:
    """What a picture's title must add."""
    return ", synthetic sample" if settings.corpus.synthetic else ""
