"""The action units that OpenFace 2 measures, and the means of a clip."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import MediaError, join_names
from ..arrays import Arrays

__all__ = ["ACTION_UNITS", "INTENSITIES", "PRESENCES", "clip_means"]

_MEASURED = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
#: how strong an action unit is, 0 to 5
INTENSITIES = tuple(f"AU{number:02d}_r" for number in _MEASURED)
#: whether it is there, 0 or 1; lip suck (28) has no intensity
PRESENCES = tuple(f"AU{number:02d}_c" for number in sorted((*_MEASURED, 28)))
#: in the order of the feature's columns
ACTION_UNITS = (*INTENSITIES, *PRESENCES)

_HIGHEST = np.array([5.0] * len(INTENSITIES) + [1.0] * len(PRESENCES))
#: means are written with five decimals
_ROUNDING = 1e-3


def clip_means(means: Sequence[float] | NDArray[np.float64]) -> Arrays:
    """Return the feature of a clip.

    Args:
        means: of `ACTION_UNITS` over the clip's frames [shape=(35,)]

    Returns:
        `openface`: float32 [shape=(1, 35)]

    Raises:
        MediaError: a mean is no number, or outside what OpenFace measures
    """
    values = np.asarray(means, np.float64)
    allowed = (values >= -_ROUNDING) & (values <= _HIGHEST + _ROUNDING)  # NaN is not
    if not allowed.all():
        wrong = [f"{ACTION_UNITS[i]} {values[i]:g}" for i in np.flatnonzero(~allowed)]
        raise MediaError(
            "unreadable",
            f"no means of action units: {join_names(wrong, 3)}; 0 to 5 is expected of intensities "
            "(_r), 0 to 1 of presences (_c)",
        )
    return {"openface": values.astype(np.float32)[None]}
