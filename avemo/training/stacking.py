"""What a search's chosen members answer on folds that they were not trained on.

It is what a fusion of answers can be fitted to: a model's answers to what it was trained on are too
good.
"""

from typing import Any

import numpy as np
import pandas as pd

from ..evaluation import calibration, metrics
from ..evaluation.predictions import read_predictions
from ..paths import Project
from ..tracking import json_file

__all__ = ["FILE", "SMALLEST", "feature", "logarithms", "table"]

#: in the search's folder
FILE = "predictions.csv"
#: a probability of zero has no logarithm
SMALLEST = 1e-7


def feature(modality: str) -> str:
    """What its answers are called, where they are taken as a feature."""
    return f"{modality}_answers"


def table(project: Project, modality: str) -> pd.DataFrame:
    """The answers as `metrics` takes them, their confidence set right; maybe no row."""
    file = project.search(modality) / FILE
    if not file.exists():
        return pd.DataFrame(columns=["performance", *metrics.PROBABILITIES])
    found = json_file.read(file.with_name("found.json"))
    rows = read_predictions(file)
    scaled: pd.DataFrame = calibration.apply_temperature(rows, found["temperature"])
    return scaled


def logarithms(project: Project, modality: str) -> dict[str, np.ndarray[Any, Any]]:
    """By performance, the logarithms of its probabilities, float32 [shape=(1, emotions)]."""
    found = table(project, modality)
    logs = np.log(np.maximum(metrics.probabilities(found), SMALLEST)).astype(np.float32)
    return {key: row[None] for key, row in zip(found["performance"], logs, strict=True)}
