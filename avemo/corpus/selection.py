"""Which recordings of the catalogue later stages use."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, join_names

if TYPE_CHECKING:  # slow to import, and a worker that measures does without
    import pandas as pd

__all__ = [
    "read_catalogue",
    "require_columns",
    "select_identical",
    "select_picture_sources",
    "select_sound_sources",
    "select_usable",
]

#: without which no stage can use the catalogue
_COLUMNS = ("recording", "performance", "path", "modality", "finding")
_AGAIN = "dvc repro --force --single-item catalogue makes it again"


def read_catalogue(file: Path, *columns: str) -> "pd.DataFrame":
    """Read the catalogue, a row a recording.

    Args:
        file: the table
        columns: that the caller needs, besides those that every stage needs

    Raises:
        CorpusError: the file is missing or damaged, or lacks a column, because it was written by
            hand or by another version of avemo
    """
    import pandas as pd

    try:
        rows = pd.read_parquet(file)
    except FileNotFoundError:
        raise CorpusError(f"there is no {file}: run dvc repro to make it") from None
    except (ValueError, OSError) as error:  # as pyarrow raises them
        if isinstance(error, OSError) and error.errno is not None:  # the file system's own
            raise
        problem = " ".join(str(error).split())
        raise CorpusError(f"{file} is damaged ({problem}): {_AGAIN}") from None
    require_columns(rows, *_COLUMNS, *columns, name=str(file))
    return rows


def require_columns(catalogue: "pd.DataFrame", *columns: str, name: str = "the catalogue") -> None:
    """Refuse a catalogue that lacks a column, because it was written by hand or long ago.

    Args:
        catalogue: a row a recording
        columns: that are needed
        name: of the catalogue, for the message

    Raises:
        CorpusError: it lacks some of them
    """
    if missing := [column for column in columns if column not in catalogue]:
        raise CorpusError(
            f"{name} lacks the column{'s' * (len(missing) > 1)} {join_names(missing)}: {_AGAIN}"
        )


def select_usable(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows that are not set aside."""
    return catalogue[catalogue["finding"].eq("")]


def select_identical(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows that are named right, decode and share their bytes with such another.

    What was not read, such as a missing file, has no bytes to share.
    """
    require_columns(catalogue, "sha256")
    readable = catalogue[
        ~catalogue["finding"].isin(["name", "unreadable"]) & catalogue["sha256"].ne("")
    ]
    return readable[readable.duplicated("sha256", keep=False)]


def select_sound_sources(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the recording that each performance is heard in, one row a performance.

    It is the audio-only one where there is one, else the audio-video with sound (`modality` tells).
    """
    require_columns(catalogue, "has_sound")
    with_sound = select_usable(catalogue).query("has_sound and modality != 2")
    return with_sound.sort_values(
        ["performance", "modality", "recording"], ascending=[True, False, True]
    ).drop_duplicates("performance")


def select_picture_sources(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the recording that each performance is seen in, audio-video before video-only."""
    require_columns(catalogue, "has_picture")
    with_picture = select_usable(catalogue).query("has_picture")
    order = ["performance", "modality", "recording"]
    return with_picture.sort_values(order).drop_duplicates("performance")
