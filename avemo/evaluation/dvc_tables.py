"""The files that `dvc metrics` and `dvc plots` show: flat figures, and tables to draw.

The sections `metrics` and `plots` of dvc.yaml name them.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ..modalities import Modality
from ..records import Figures
from .abstention import risk_coverage
from .metrics import predicted, probabilities

__all__ = ["write_summary", "write_tables"]

_FIGURES = ("uar", "accuracy", "macro_f1", "calibration_error", "log_loss")
#: figures of a model that has the thresholds for them
_SELECTIVE = ("aurc", "coverage", "selective_accuracy", "set_coverage", "set_size")
#: wide enough that a few dozen performances fill most of the bins
_BINS = 5


def write_summary(folder: Path, test_figures: Mapping[Modality, Figures]) -> None:
    """Write each modality's test figures, without text, so that DVC can subtract two of them.

    Args:
        folder: gets `summary.json`
        test_figures: by modality
    """
    summary = {}
    for modality, figures in test_figures.items():
        summary[modality] = {name: figures[name].value for name in _FIGURES}
        summary[modality] |= {name: figures[name].value for name in _SELECTIVE if name in figures}
        bounds = {"uar_low": figures["uar"].low, "uar_high": figures["uar"].high}
        summary[modality] |= {name: bound for name, bound in bounds.items() if bound is not None}
    text = json.dumps(summary, indent=1, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def write_tables(
    folder: Path, modality: str, predictions: pd.DataFrame, history: pd.DataFrame
) -> None:
    """Write what DVC draws of one model.

    Args:
        folder: gets `confusion/MODALITY.csv`, `reliability/MODALITY.csv`,
            `risk_coverage/MODALITY.csv` and, where there are epochs, `learning_curves/MODALITY.csv`
        modality: whose model it is
        predictions: of the test part, a row a performance
        history: of the training, a row an epoch of each member
    """
    answers = pd.DataFrame({"actual": predictions["true"], "predicted": predicted(predictions)})
    tables = {
        "confusion": answers,
        "reliability": _reliability(predictions),
        "risk_coverage": _risk_coverage(predictions),
        "learning_curves": _mean_over_members(history),
    }
    for name, table in tables.items():
        if len(table):
            (folder / name).mkdir(exist_ok=True)
            file = folder / name / f"{modality}.csv"
            table.to_csv(file, index=False, float_format="%.6g")


def _reliability(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return confidence, accuracy and count of performances in each bin of confidence."""
    confidence = probabilities(predictions).max(axis=1)
    right = predicted(predictions) == predictions["true"].to_numpy()
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    rows = pd.DataFrame({"confidence": confidence, "accuracy": right.astype(float)})
    grouped = rows.groupby(bins)
    return grouped.mean().assign(performances=grouped.size())


def _risk_coverage(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the points of the risk-coverage curve."""
    curve = risk_coverage(predictions)
    return pd.DataFrame(
        {"coverage": curve.coverage, "risk": curve.risk, "threshold": curve.thresholds}
    )


def _mean_over_members(history: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each column by epoch; empty where nothing was fitted in epochs."""
    if history.empty:
        return history
    return history.drop(columns="member").groupby("epoch", as_index=False).mean()
