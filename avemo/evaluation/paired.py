"""Two sets of predictions on the same performances: by how much one is better."""

import numpy as np
import pandas as pd

from . import metrics
from .bootstrap import Bootstrap, Interval

__all__ = ["MIN_ACTORS", "align", "paired_bootstrap"]

#: performances of fewer actors do not tell how good a model is for another one
MIN_ACTORS = 3


def align(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the performances that both tables have, in one order.

    Raises:
        ValueError: the two are of other classes, or disagree about what a performance truly is
    """
    classes = metrics.classes_of(first), metrics.classes_of(second)
    if classes[0] != classes[1]:
        names = " and ".join(f"[{', '.join(own)}]" for own in classes)
        raise ValueError(f"the two tables of predictions are of other classes: {names}")
    shared = sorted(set(first["performance"]) & set(second["performance"]))
    a, b = (table.set_index("performance").loc[shared].reset_index() for table in (first, second))
    if not a["true"].equals(b["true"]):
        wrong = a["performance"][a["true"] != b["true"]].iloc[0]
        raise ValueError(f"the two tables of predictions give {wrong} different true emotions")
    return a, b


def paired_bootstrap(
    first: pd.DataFrame, second: pd.DataFrame, bootstrap: Bootstrap
) -> dict[str, Interval]:
    """Return each figure of the first less that of the second, on the performances of both.

    The same draw of actors is taken for both: what makes an actor hard for either does not widen
    the interval of the difference.

    Args:
        first: as `metrics.intervals` takes it
        second: to compare with
        bootstrap: how the intervals are made

    Returns:
        the figures of `metrics.intervals`; empty where no performance is shared

    Raises:
        ValueError: as `align`
    """
    a, b = align(first, second)
    if a.empty:
        return {}
    first_sums, second_sums = metrics.sums_by_actor(a), metrics.sums_by_actor(b)
    classes = metrics.classes_of(a)

    def differences(draws: np.ndarray) -> dict[str, np.ndarray]:
        first_figures = metrics.figures_of_draws(first_sums, draws, classes)
        second_figures = metrics.figures_of_draws(second_sums, draws, classes)
        return {name: values - second_figures[name] for name, values in first_figures.items()}

    return bootstrap.intervals(differences, actors=len(first_sums["n"]), performances=len(a))
