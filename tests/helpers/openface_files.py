"""What OpenFace 2 writes, made up."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from avemo.features.openface.action_units import ACTION_UNITS, INTENSITIES

__all__ = ["random_units", "write_frames", "write_means"]


def random_units(rows: int, seed: int = 1) -> pd.DataFrame:
    """Return action units, with two decimals as OpenFace writes them, a row each."""
    draw = np.random.default_rng(seed)
    units = draw.random((rows, len(ACTION_UNITS))) * 5
    units[:, len(INTENSITIES) :] = units[:, len(INTENSITIES) :] > 3
    return pd.DataFrame(units.round(2), columns=list(ACTION_UNITS))


def write_frames(
    file: Path,
    units: pd.DataFrame,
    *,
    spaces: bool = False,
    rate_hz: float = 30.0,
    **columns: object,
) -> Path:
    """Write the CSV of a clip.

    Args:
        file: its folder is made
        units: a row a frame
        spaces: after each comma, as versions before 2.1 have it
        rate_hz: frames a second
        columns: in place of frame, face_id, timestamp, confidence or success
    """
    numbers = np.arange(len(units))
    own = {
        "frame": numbers + 1,
        "face_id": 0,
        "timestamp": (numbers / rate_hz).round(3),
        "confidence": 0.98,
        "success": 1,
        "gaze_0_x": 0.1,
    }
    table = pd.concat([pd.DataFrame(own | columns, index=units.index), units], axis=1)
    text = table.to_csv(index=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace(",", ", ") if spaces else text, encoding="utf-8")
    return file


def write_means(file: Path, means: Mapping[str, pd.DataFrame]) -> Path:
    """Write a table of means, by performance."""
    table = pd.concat(means.values()).assign(performance=list(means))
    table[["performance", *ACTION_UNITS]].to_csv(file, index=False)
    return file
