"""The CSV that OpenFace 2 writes of a clip, a row a frame and face: its means.

Every frame counts alike, and OpenFace takes each frame of a film at a constant rate, so that the
means do not depend on the rate.

Source:
    T. Baltrušaitis, A. Zadeh, Y. C. Lim and L.-P. Morency: OpenFace 2.0: Facial Behavior Analysis
    Toolkit. FG 2018; https://github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import MediaError, join_names
from ..arrays import Arrays
from .action_units import ACTION_UNITS, clip_means

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_frames"]

_REQUIRED = ("success", *ACTION_UNITS)
_OPTIONAL = ("face_id", "timestamp", "confidence")


def read_frames(file: Path) -> Arrays:
    """Return the means over the frames in which OpenFace tracked the clip's main face.

    The main face is the one tracked in most frames. Frames with `success` 0, or with an action unit
    that is no number, are left out.

    Args:
        file: as `FeatureExtraction -aus` writes it; spaces before names and values may be there, as
            versions before 2.1 write them

    Returns:
        `openface`: float32 [shape=(1, 35)], see `action_units.clip_means`; `openface_frames`:
        float32 [shape=(1, 3)], the face's frames, those that count, and frames a second (NaN where
        the file has no times)

    Raises:
        MediaError: the file cannot be read, lacks columns, or no frame succeeded
    """
    table = _read_table(file)
    measured = np.isfinite(table[list(ACTION_UNITS)].to_numpy()).all(axis=1)
    usable = table["success"].ge(0.5) & measured
    if not usable.any():
        raise MediaError(
            "no-face",
            f"{file.name}: OpenFace tracked no face: `success` is 0, or an action unit is no "
            f"number, in each of {len(table)} frames",
        )
    face = table["face_id"].eq(_main_face(table[usable]))
    frames, counted = table[face], table[face & usable]
    means = clip_means(counted[list(ACTION_UNITS)].to_numpy().mean(axis=0))
    counts = [len(frames), len(counted), _frame_rate(frames)]
    return means | {"openface_frames": np.array([counts], np.float32)}


def _read_table(file: Path) -> "pd.DataFrame":
    """Return the columns that are needed, as numbers; what is no number is NaN."""
    import pandas as pd

    try:
        table = pd.read_csv(
            file,
            skipinitialspace=True,
            usecols=lambda name: name.strip() in (*_REQUIRED, *_OPTIONAL),
            encoding="utf-8-sig",
            low_memory=False,
        )
    except (OSError, ValueError) as error:  # pandas' own are ValueErrors
        problem = " ".join(str(error).split())
        raise MediaError("unreadable", f"{file.name}: no CSV of OpenFace: {problem}") from None
    table.columns = table.columns.str.strip()
    if missing := [name for name in _REQUIRED if name not in table]:
        raise MediaError(
            "unreadable",
            f"{file.name} lacks the columns {join_names(missing, 3)}: the CSV of a clip by "
            "OpenFace 2 is expected, `FeatureExtraction -f FILM -aus` writes it",
        )
    columns = {name: pd.to_numeric(table[name], errors="coerce") for name in table}
    numbers = pd.DataFrame(columns, dtype=float)
    return numbers.assign(face_id=numbers["face_id"].fillna(0) if "face_id" in numbers else 0)


def _main_face(usable: "pd.DataFrame") -> float:
    """Return the face that was tracked in most frames; of several, with the most confidence."""
    faces = usable.groupby("face_id")
    ranks = faces.size().to_frame("frames")
    ranks["confidence"] = faces["confidence"].mean() if "confidence" in usable else 0.0
    ranked = ranks.sort_values(["frames", "confidence"], ascending=False, kind="stable")
    return float(ranked.index[0])


def _frame_rate(frames: "pd.DataFrame") -> float:
    """Return frames a second; NaN where there are no times."""
    if "timestamp" not in frames:
        return float("nan")
    steps = np.diff(np.sort(frames["timestamp"].dropna().to_numpy()))
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else float("nan")
    return 1 / step
