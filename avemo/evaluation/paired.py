"""Two sets of predictions on the same performances: by how much one is better."""

import numpy as np
import pandas as pd

from . import metrics
from .metrics import Interval

__all__ = ["common", "differences"]


def common(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the performances that both answer for, in one order.

    Raises:
        ValueError: the two disagree about what a performance truly is
    """
    shared = sorted(set(first["performance"]) & set(second["performance"]))
    a, b = (table.set_index("performance").loc[shared].reset_index() for table in (first, second))
    if not a["true"].equals(b["true"]):
        wrong = a["performance"][a["true"] != b["true"]].iloc[0]
        raise ValueError(f"the two tables of predictions give {wrong} different true emotions")
    return a, b


def differences(
    first: pd.DataFrame, second: pd.DataFrame, *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """Every figure of the first less that of the second, on the performances of both.

    The same draw of actors is taken for both: what makes an actor hard for either does not widen
    the interval of the difference.

    Args:
        first: as `metrics.intervals` takes them; and the rest as there
        second: to compare with

    Returns:
        as `metrics.intervals` does; empty where no performance is shared

    Source:
        B. Efron, R. J. Tibshirani: An introduction to the bootstrap. Chapman & Hall 1993
    """
    a, b = common(first, second)
    if a.empty:
        return {}
    sums = [metrics._sums_of_actors(table) for table in (a, b)]
    actors = len(sums[0]["n"])
    whole = np.ones((1, actors))
    drawn = np.random.default_rng(seed).multinomial(actors, np.full(actors, 1 / actors), resamples)
    values, draws = (_difference(sums, times) for times in (whole, drawn))
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    found = {}
    for name, value in values.items():
        if np.isnan(value[0]):
            continue
        low, high = np.nanquantile(draws[name], tails).tolist() if actors > 1 else (None, None)
        found[name] = Interval(float(value[0]), low, high, actors, len(a))
    return found


def _difference(sums: list[dict[str, np.ndarray]], times: np.ndarray) -> dict[str, np.ndarray]:
    """Each figure's difference [shape=(draws,)]."""
    first, second = (
        metrics._figures({name: metrics._drawn(times, one) for name, one in each.items()})
        for each in sums
    )
    return {name: first[name] - second[name] for name in first}
