"""How long an answer takes: two versions in turn, in one process, on the same clips."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..paths import Project

__all__ = ["seconds"]

_CLIPS = 3
_ROUNDS = 9


def seconds(project: Project, modality: str, folders: list[Path]) -> list[float]:
    """The time that an answer of each version takes: each clip's fastest of some, on average.

    What else the machine does makes an answer slower, never faster: the fastest is the version's
    own. Each answers for each clip once before anything counts, for networks are loaded and traced
    then.

    Args:
        modality: of the versions; its first recordings in the catalogue are the clips, and the
            first version's input example where there are none
        folders: the versions' files
    """
    import mlflow

    models = [mlflow.pyfunc.load_model(str(folder)) for folder in folders]
    media = [file.read_bytes() for file in _recorded(project, modality) if file.is_file()]
    media = media or list(models[0].input_example["media"])
    rounds = [
        [[_timed(model, clip) for model in models] for clip in media] for _ in range(_ROUNDS + 1)
    ]
    fastest = np.array(rounds[1:]).min(axis=0)  # [shape=(clips, models)]
    return [float(one) for one in fastest.mean(axis=0)]


def _recorded(project: Project, modality: str) -> list[Path]:
    if not project.catalogue.exists():
        return []
    import pandas as pd

    from ..corpus import manifest

    rows = pd.read_parquet(project.catalogue)
    rows = (
        manifest.select_sound_sources(rows)
        if modality == "audio"
        else manifest.select_picture_sources(rows)
    )
    if modality == "fused":
        rows = rows[rows["has_sound"]]
    return [project.raw / path for path in rows["path"].head(_CLIPS)]


def _timed(model: Any, clip: bytes) -> float:
    start = time.perf_counter()
    model.predict(pd.DataFrame({"media": [clip]}))
    return time.perf_counter() - start
