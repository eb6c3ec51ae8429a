"""Which recordings of the catalogue later stages use."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and a worker that measures does without
    import pandas as pd

__all__ = [
    "select_identical",
    "select_picture_sources",
    "select_sound_sources",
    "select_usable",
]


def select_usable(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows that are not set aside."""
    return catalogue[catalogue["finding"].eq("")]


def select_identical(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows that are named right, decode and share their bytes with such another.

    What was not read, such as a missing file, has no bytes to share.
    """
    readable = catalogue[
        ~catalogue["finding"].isin(["name", "unreadable"]) & catalogue["sha256"].ne("")
    ]
    return readable[readable.duplicated("sha256", keep=False)]


def select_sound_sources(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the recording that each performance is heard in, one row a performance.

    It is the audio-only one where there is one, else the audio-video with sound (`modality` tells).
    """
    with_sound = select_usable(catalogue).query("has_sound and modality != 2")
    return with_sound.sort_values(
        ["performance", "modality", "recording"], ascending=[True, False, True]
    ).drop_duplicates("performance")


def select_picture_sources(catalogue: "pd.DataFrame") -> "pd.DataFrame":
    """Return the recording that each performance is seen in, audio-video before video-only."""
    with_picture = select_usable(catalogue).query("has_picture")
    order = ["performance", "modality", "recording"]
    return with_picture.sort_values(order).drop_duplicates("performance")
