"""CSV tables in which names stay as they are written: `None`, `NA`, `nan`, `null`, `1`, `true`."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import
    import pandas as pd

__all__ = ["read_csv"]

_NO_NUMBER = ["", "nan", "NaN"]


def read_csv(file: Path, text: Collection[str] | None = None) -> "pd.DataFrame":
    """Read a CSV table without guessing at its text.

    By itself, pandas takes `None`, `NA` and `null` for missing values, and `01` for a number.

    Args:
        file: in UTF-8, with or without a byte order mark
        text: the columns that hold names; those of them that the file lacks are ignored, and the
            type of every other column is guessed, where an empty cell is NaN. By default, all
            columns

    Returns:
        what is in the cells of text, the empty ones as empty text

    Raises:
        OSError: the file cannot be read
        ValueError: it is no CSV table
    """
    import pandas as pd

    encoding = "utf-8-sig"
    if text is None:
        return pd.read_csv(file, dtype=str, keep_default_na=False, encoding=encoding)
    others = set(pd.read_csv(file, nrows=0, encoding=encoding).columns) - set(text)
    return pd.read_csv(
        file,
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        na_values=dict.fromkeys(others, _NO_NUMBER),
        encoding=encoding,
    )
