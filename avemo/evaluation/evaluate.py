"""The test part, looked at once."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from ..corpus import split
from ..datasets import Dataset, load
from ..emotions import EMOTIONS
from ..features.names import modality_of
from ..modalities import MODALITIES
from ..models.bundle import Bundle
from ..paths import Project
from ..settings import Settings
from ..tracking import json_file, runs
from . import dvc_tables, metrics, plots
from .bootstrap import Interval
from .log import log_predictions
from .predictions import predict, write_predictions

__all__ = ["ALONE", "evaluate"]

#: what the fused model has where a modality is missing, by the one that is there
ALONE = {"audio": "sound alone", "visual": "picture alone"}


def evaluate(project: Project, settings: Settings, folder: Path) -> dict[str, Any]:
    """Judge each trained model on the test part; its figures go to the run that trained it.

    Args:
        folder: gets `metrics.json`, `MODALITY.csv` (predictions; `fused_audio.csv` and
            `fused_visual.csv` by the fused model from sound or picture alone), `comparison.png`
            and what `dvc_tables` writes

    Returns:
        for each modality: run_id, architecture and test figures, or what is absent and why

    Raises:
        CorpusError: a model was trained on another split, which may have held this test part
    """
    figures: dict[str, Any] = {}
    compared: dict[str, Interval] = {}
    chance = 1 / len(EMOTIONS)
    for modality in MODALITIES:
        run = json_file.read(project.trained(modality) / "run.json")
        if "absent" in run:
            figures[modality] = run
            continue
        model = Bundle(project.trained(modality))
        data = load(project, list(model.preprocessors)).part("test")
        split.require_same_split(
            model.description["split"], data.split, f"the trained {modality} model"
        )
        figures[modality] = {"run_id": run["run_id"], "architecture": run["architecture"]}
        with runs.reopen(run["run_id"]):
            if not len(data):
                reason = f"the test part holds no performance with {' and '.join(data.features)}"
                figures[modality]["no_test"] = reason
                mlflow.set_tag("avemo.test", f"absent: {reason}")
                continue
            table = predict(model, data)
            write_predictions(folder / f"{modality}.csv", table)
            test_figures = log_predictions(settings, table, "test", modality)
            figures[modality]["test"] = {k: asdict(v) for k, v in test_figures.items()}
            history = pd.read_csv(project.trained(modality) / "history.csv")
            dvc_tables.write_tables(folder, modality, table, history)
            compared[modality] = Interval(**figures[modality]["test"]["uar"])
            chance = metrics.chance_level(table["true"])
            if modality == "fused":
                figures[modality]["alone"] = _alone(settings, model, data, folder)
    for part, found in figures["fused"].get("alone", {}).items():
        compared[f"fused, {ALONE[part]}"] = Interval(**found["uar"])
    synthetic = settings.corpus.synthetic
    if compared:
        title = "Test part" + (", synthetic sample: no statement about accuracy" * synthetic)
        figure = plots.comparison(compared, title, chance=chance)
        figure.savefig(folder / "comparison.png")
    tested = {name: found["test"] for name, found in figures.items() if "test" in found}
    dvc_tables.write_summary(folder, tested)
    found = {
        "synthetic": synthetic,
        "protocol": settings.split.protocol,
        "modalities": figures,
    }
    json_file.write(folder / "metrics.json", found)
    return found


def _alone(settings: Settings, model: Bundle, data: Dataset, folder: Path) -> dict[str, Any]:
    """What the fused model answers with one modality missing, by the one that is there."""
    found = {}
    for part, name in ALONE.items():
        given = {
            feature: clips
            if modality_of(feature) == part
            else [model.preprocessors[feature].empty] * len(clips)
            for feature, clips in data.features.items()
        }
        table = predict(model, replace(data, features=given))
        write_predictions(folder / f"fused_{part}.csv", table)
        figures = log_predictions(settings, table, f"test_{part}_alone", f"fused, {name}")
        found[part] = {k: asdict(v) for k, v in figures.items()}
    return found
