"""Where two tables of features differ, and by how much."""

import numpy as np


def differences(found, expected):
    """A line for each performance and column that is not the same to the last bit.

    Args:
        found, expected: tables as `store.read` gives them
    """
    found, expected = (table.set_index("performance").sort_index() for table in (found, expected))
    if list(found.index) != list(expected.index):
        return [f"performances: {sorted(set(found.index) ^ set(expected.index))} in one alone"]
    if sorted(found) != sorted(expected):
        return [f"columns: {sorted(set(found) ^ set(expected))} in one alone"]
    return [
        f"{performance}, {column}: {line}"
        for column in expected
        for performance in expected.index
        if (line := _difference(found.at[performance, column], expected.at[performance, column]))
    ]


def _difference(found, expected):
    one, other = np.asarray(found), np.asarray(expected)
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return f"{one.dtype} {one.shape} in place of {other.dtype} {other.shape}"
    if one.tobytes() == other.tobytes() or found is expected:
        return ""
    if one.dtype.kind != "f":
        return "" if np.array_equal(one, other) else f"{found!r} in place of {expected!r}"
    apart = np.abs(one.astype(np.float64) - other)
    place = np.unravel_index(np.nanargmax(apart), apart.shape)
    at = [int(index) for index in place]
    return f"{np.count_nonzero(apart)} of {apart.size} differ, by up to {apart[place]:.3g} at {at}"
