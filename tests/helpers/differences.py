"""Where two tables of features differ, and by how much."""

import numpy as np
import pandas as pd


def differences(actual: pd.DataFrame, expected: pd.DataFrame) -> list[str]:
    """Return a line for each performance and column that is not the same to the last bit.

    Args:
        actual, expected: tables as `store.read` gives them
    """
    actual, expected = (table.set_index("performance").sort_index() for table in (actual, expected))
    if list(actual.index) != list(expected.index):
        performances = sorted(map(str, set(actual.index) ^ set(expected.index)))
        return [f"performances: {performances} in one alone"]
    if sorted(map(str, actual)) != sorted(map(str, expected)):
        return [f"columns: {sorted(map(str, set(actual) ^ set(expected)))} in one alone"]
    return [
        f"{performance}, {column}: {line}"
        for column in expected
        for performance in expected.index
        if (line := _difference(actual.at[performance, column], expected.at[performance, column]))
    ]


def _difference(actual: object, expected: object) -> str:
    first, second = np.asarray(actual), np.asarray(expected)
    if (first.dtype, first.shape) != (second.dtype, second.shape):
        return f"{first.dtype} {first.shape} in place of {second.dtype} {second.shape}"
    if first.tobytes() == second.tobytes() or actual is expected:
        return ""
    if first.dtype.kind != "f":
        return "" if np.array_equal(first, second) else f"{actual!r} in place of {expected!r}"
    distance = np.abs(first.astype(np.float64) - second)
    place = np.unravel_index(np.nanargmax(distance), distance.shape)
    at = [int(index) for index in place]
    count = f"{np.count_nonzero(distance)} of {distance.size} differ"
    return f"{count}, by up to {distance[place]:.3g} at {at}"
