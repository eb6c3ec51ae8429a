"""Tables of answers that Git keeps, each in a file of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import AvemoError
from ..files import whole

__all__ = ["read", "write"]


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
