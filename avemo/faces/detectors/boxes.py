"""Boxes that overlap, and which of them to keep."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["measure_overlaps", "suppress_overlapping"]

Floats = NDArray[np.floating]


def measure_overlaps(boxes: Floats, relative_to: Literal["union", "smaller"] = "union") -> Floats:
    """Return the area that each two boxes share, as a share of their union or of the smaller one.

    Args:
        boxes: left, top, right, bottom [shape=(n, 4)]
        relative_to: what the area is divided by

    Returns:
        0 to 1 [shape=(n, n)]
    """
    first, last = boxes[:, :2], boxes[:, 2:]
    sides = np.minimum(last[:, None], last) - np.maximum(first[:, None], first)
    shared = np.prod(np.maximum(sides, 0), axis=2)
    areas = np.prod(last - first, axis=1)
    if relative_to == "smaller":
        denominator = np.minimum(areas[:, None], areas)
    else:
        denominator = areas[:, None] + areas - shared
    return np.asarray(shared / np.maximum(denominator, np.finfo(shared.dtype).tiny))


def suppress_overlapping(boxes: Floats, max_overlap: float) -> list[int]:
    """Return which boxes to keep: from the best on, each that overlaps none that is kept.

    Args:
        boxes: the best first; left, top, right, bottom [shape=(n, 4)]
        max_overlap: of two that are kept, as a share of their union
    """
    overlaps = measure_overlaps(boxes)
    selected: list[int] = []
    for index in range(len(boxes)):
        if not (overlaps[index, selected] > max_overlap).any():
            selected.append(index)
    return selected
