"""How long an answer takes: several versions in turn, in one process, on the same clips."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..modalities import Modality
from ..paths import Project

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

__all__ = ["measure"]

_CLIPS = 3
_ROUNDS = 9


def measure(project: Project, modality: Modality, folders: list[Path]) -> list[float]:
    """Return the seconds that an answer of each version takes, on average over the clips.

    Of each clip the fastest round counts: whatever else the machine does makes an answer slower,
    never faster. A round before does not count, because networks are loaded and traced then.

    Args:
        project: the first recordings of its catalogue are the clips; where there are none, the
            first version's input example
        modality: of the versions
        folders: the versions' files
    """
    import mlflow

    models = [mlflow.pyfunc.load_model(str(folder)) for folder in folders]
    clips = [file.read_bytes() for file in _recordings(project, modality) if file.is_file()]
    clips = clips or list(models[0].input_example["media"])
    rounds = [
        [[_measure_answer(model, clip) for model in models] for clip in clips]
        for _ in range(_ROUNDS + 1)
    ]
    fastest = np.array(rounds[1:]).min(axis=0)  # [shape=(clips, models)]
    return [float(seconds) for seconds in fastest.mean(axis=0)]


def _recordings(project: Project, modality: Modality) -> list[Path]:
    if not project.catalogue.exists():
        return []
    from ..corpus import selection

    rows = selection.read_catalogue(project.catalogue)
    rows = (
        selection.select_sound_sources(rows)
        if modality == "audio"
        else selection.select_picture_sources(rows)
    )
    if modality == "fused":
        selection.require_columns(rows, "has_sound")
        rows = rows[rows["has_sound"]]
    return [project.raw / path for path in rows["path"].head(_CLIPS)]


def _measure_answer(model: "PyFuncModel", clip: bytes) -> float:
    start = time.perf_counter()
    model.predict(pd.DataFrame({"media": [clip]}))
    return time.perf_counter() - start
