"""Runs and registered versions of any modality, side by side on the same performances."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..errors import AvemoError
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..records import Figures
from ..settings import Settings
from ..tracking.integrity import open_verified
from .version import recorded_predictions

__all__ = ["METRICS", "ComparedModel", "compare_models"]

#: those that are shown; a run has each as `test_NAME`, whatever its modality
METRICS = ("uar", "accuracy", "macro_f1", "calibration_error", "log_loss")

_TABLE = "test_predictions.json"


@dataclass(frozen=True)
class ComparedModel:
    """A run or a version, with its figures on the performances that all compared ones share.

    Args:
        name: the run's id or the version's URI
        figures: of the model itself, by each of `METRICS`
        differences: from the first model's figures, paired; empty for the first
    """

    name: str
    figures: Figures
    differences: Figures


def compare_models(settings: Settings, names: Sequence[str]) -> list[ComparedModel]:
    """Return the figures of each model, and their differences from the first model's.

    Args:
        settings: with those of the bootstrap
        names: ids of runs, or URIs of models

    Raises:
        AvemoError: a run or version is missing or has no predictions on its test part, or the
            models share no performance or tell other classes apart
    """
    predictions = {name: _read_predictions(name) for name in names}
    classes = {metrics.classes_of(rows) for rows in predictions.values()}
    if len(classes) > 1:
        texts = " and ".join(f"[{', '.join(own)}]" for own in sorted(classes))
        raise AvemoError(
            f"{', '.join(names)} tell other emotions apart, {texts}: models of the same classes "
            "are expected"
        )
    shared = set.intersection(*(set(rows["performance"]) for rows in predictions.values()))
    if not shared:
        raise AvemoError(
            f"no performance is answered for by all of {', '.join(names)}: runs of one split are "
            "expected"
        )
    predictions = {
        name: rows[rows["performance"].isin(shared)] for name, rows in predictions.items()
    }
    bootstrap = Bootstrap.from_settings(settings)
    first = predictions[names[0]]
    models = []
    for name, rows in predictions.items():
        differences = {} if rows is first else paired.paired_bootstrap(rows, first, bootstrap)
        figures = metrics.intervals(rows, bootstrap)
        models.append(ComparedModel(name, _select(figures), _select(differences)))
    return models


def _read_predictions(name: str) -> pd.DataFrame:
    import mlflow

    try:
        if ":" in name:
            with open_verified(name) as folder:
                predictions = recorded_predictions(folder)
        else:
            table = mlflow.artifacts.load_dict(f"runs:/{name}/{_TABLE}")
            predictions = pd.DataFrame(table["data"], columns=table["columns"])
    except (mlflow.MlflowException, OSError) as error:
        raise AvemoError(
            f"{name} has no {_TABLE if ':' not in name else 'files'} at "
            f"{mlflow.get_tracking_uri()}: {str(error).splitlines()[0]}; the id of a run that "
            "`evaluate` scored, or models:/NAME@ALIAS, is expected"
        ) from None
    if predictions is None:
        raise AvemoError(f"{name} holds no predictions: it was registered without a test part")
    return predictions


def _select(figures: Figures) -> Figures:
    return {name: figures[name] for name in METRICS if name in figures}
