"""The formats of a manifest: CSV, Parquet, JSON Lines, and a database of audformat."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..errors import CorpusError, last_line
from ..tables import read_csv
from .audformat_database import read_database

__all__ = ["read_table"]


def read_table(file: Path) -> pd.DataFrame:
    """Read a table as it is; of a CSV file, all is text, so that speaker 03 keeps the zero.

    Raises:
        CorpusError: its suffix is another, or it is no such file
    """
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": read_csv,
        ".parquet": pd.read_parquet,
        ".jsonl": _read_jsonl,
        ".yaml": read_database,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise CorpusError(f"{file}: a manifest is {', '.join(readers)} by its suffix")
    try:
        table = reader(file)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors, too
        raise CorpusError(
            f"{file}: no {file.suffix[1:].upper()} table ({last_line(str(error))})"
        ) from None
    # audformat's file, start and end may be the index
    return table.reset_index(drop=all(name is None for name in table.index.names))


def _read_jsonl(file: Path) -> pd.DataFrame:
    return pd.read_json(file, lines=True, dtype=False, encoding="utf-8")
