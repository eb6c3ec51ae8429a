"""CSV tables in which names stay as they are written: `None`, `NA`, `nan`, `null`, `1`, `true`."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import
    import pandas as pd

__all__ = ["read_csv"]


def read_csv(file: Path, text: Collection[str] | None = None) -> "pd.DataFrame":
    """Read a CSV table without guessing at its text.

    By itself, pandas takes `None`, `NA` and `null` for missing values, and `01` for a number.

    Args:
        file: in UTF-8, with or without a byte order mark
        text: the columns that hold names; those of them that the file lacks are ignored, and the
            type of every other column is guessed. By default, all columns

    Returns:
        what is in the cells of text, the empty ones as empty text

    Raises:
        OSError: the file cannot be read
        ValueError: it is no CSV table
    """
    import pandas as pd

    dtype = str if text is None else dict.fromkeys(text, str)
    return pd.read_csv(file, dtype=dtype, keep_default_na=False, encoding="utf-8-sig")
