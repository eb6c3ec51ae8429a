"""Runs and registered versions of whatever modality, side by side on the same performances."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..errors import AvemoError
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap, Interval
from ..settings import Settings
from ..tracking import integrity
from .version import recorded

__all__ = ["METRICS", "compare"]

#: those that are shown; a run has each as `test_NAME`, whatever its modality
METRICS = ("uar", "accuracy", "macro_f1", "calibration_error", "log_loss")

_TABLE = "test_predictions.json"


def compare(settings: Settings, names: Sequence[str]) -> list[dict[str, Any]]:
    """Each by itself, and what it has more than the first.

    Args:
        names: ids of runs, or URIs of models

    Returns:
        for JSON: name, `figures`, and `more` (than the first; the first has none) by metric, each
        with value, low, high, actors and performances, on the performances that all answer for

    Raises:
        AvemoError: one is not there or has no predictions on its test part, or no performance is
            answered for by all
    """
    tables = {name: _predictions(name) for name in names}
    shared = set.intersection(*(set(one["performance"]) for one in tables.values()))
    if not shared:
        raise AvemoError(
            f"no performance is answered for by all of {', '.join(names)}: runs of one split are "
            "expected"
        )
    tables = {name: one[one["performance"].isin(shared)] for name, one in tables.items()}
    bootstrap = Bootstrap.from_settings(settings)
    first = tables[names[0]]
    return [
        {
            "name": name,
            "figures": _fields(metrics.intervals(table, bootstrap)),
            "more": _fields(paired.paired_bootstrap(table, first, bootstrap))
            if table is not first
            else {},
        }
        for name, table in tables.items()
    ]


def _predictions(name: str) -> pd.DataFrame:
    import mlflow

    try:
        if ":" in name:
            with integrity.opened(name) as folder:
                found = recorded(folder)
        else:
            text = mlflow.artifacts.load_dict(f"runs:/{name}/{_TABLE}")
            found = pd.DataFrame(text["data"], columns=text["columns"])
    except (mlflow.MlflowException, OSError) as error:
        raise AvemoError(
            f"{name} has no {_TABLE if ':' not in name else 'files'} at "
            f"{mlflow.get_tracking_uri()}: {str(error).splitlines()[0]}; the id of a run that "
            "`evaluate` judged, or models:/NAME@ALIAS, is expected"
        ) from None
    if found is None:
        raise AvemoError(f"{name} holds no predictions: it was registered without a test part")
    return found


def _fields(figures: dict[str, Interval]) -> dict[str, Any]:
    return {name: vars(figures[name]) for name in METRICS}
