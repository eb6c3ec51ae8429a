"""Tables of answers that Git keeps, each in a file of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..corpus import ravdess
from ..errors import AvemoError, ten
from ..files import whole

__all__ = ["by_clip", "read", "write"]


def read(
    root: Path, file: Path, checked: Callable[[pd.DataFrame], pd.DataFrame], **options: Any
) -> pd.DataFrame | None:
    """What is kept; None where nothing is.

    Args:
        root: of the checkout
        file: in it
        checked: what is found, in order; raises ValueError where it is not what it should be
        options: of `pandas.read_csv`

    Raises:
        AvemoError: the file is damaged
    """
    if not (root / file).exists():
        return None
    try:
        return checked(pd.read_csv(root / file, **options))
    except ValueError as error:
        raise AvemoError(f"{file}: {error}; bring it back (git checkout -- {file})") from None


def write(file: Path, found: pd.DataFrame) -> None:
    """Keep it, whole or not at all."""
    with whole(file) as beside:
        found.to_csv(beside, index=False, float_format="%.6f")


def by_clip(found: pd.DataFrame, columns: list[str], chances: list[str]) -> pd.DataFrame:
    """One answer a clip, in order of the clips' actors.

    Args:
        found: with a column `clip`, named as RAVDESS names its clips
        columns: that there must be; others are left out
        chances: those that sum to one

    Raises:
        ValueError: it is not so
    """
    if missing := [name for name in columns if name not in found]:
        raise ValueError(f"there is no column {ten(missing)}")
    order = [ravdess.parse(clip) for clip in found["clip"]]
    sums: Any = found[chances].to_numpy(float).sum(axis=1)
    if found["clip"].duplicated().any() or not np.allclose(sums, 1, atol=1e-4):
        raise ValueError("clips must differ, and the probabilities of each sum to one")
    places = sorted(range(len(order)), key=lambda at: (order[at].actor, order[at]))
    return found.iloc[places][columns].reset_index(drop=True)
