"""How long an answer takes: two versions in turn, in one process, on the same clips."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from ..project import Project

__all__ = ["clips", "seconds"]

_CLIPS = 3
_ROUNDS = 5


def seconds(folders: list[Path], media: list[bytes]) -> list[float]:
    """The median time of an answer of each version.

    Each answers for each clip once before anything counts: networks are loaded and traced then.

    Args:
        folders: the versions' files
        media: clips that each can answer for
    """
    import mlflow

    models = [mlflow.pyfunc.load_model(str(folder)) for folder in folders]
    times: list[list[float]] = [[] for _ in models]
    for round_ in range(_ROUNDS + 1):
        for clip in media:
            for place, model in enumerate(models):
                took = _timed(model, clip)
                if round_:
                    times[place].append(took)
    return [median(each) for each in times]


def clips(project: Project, modality: str) -> list[bytes]:
    """Some recordings of the catalogue; where there are none, two that are made on the spot."""
    found = [file for file in _recorded(project, modality) if file.is_file()]
    if found:
        return [file.read_bytes() for file in found]
    from ..corpus import ravdess, synthetic

    kind = 3 if modality == "audio" else 1
    with tempfile.TemporaryDirectory() as temporary:
        for actor in (1, 2):
            synthetic.perform(Path(temporary), ravdess.parse(f"03-01-03-01-01-01-0{actor}.wav"), 1)
        made = sorted(Path(temporary).rglob(f"0{kind}-*"))
        return [file.read_bytes() for file in made]


def _recorded(project: Project, modality: str) -> list[Path]:
    if not project.catalogue.exists():
        return []
    from ..corpus import catalogue

    rows = pd.read_parquet(project.catalogue)
    rows = catalogue.sounds(rows) if modality == "audio" else catalogue.pictures(rows)
    if modality == "fused":
        rows = rows[rows["has_sound"]]
    return [project.raw / path for path in rows["path"].head(_CLIPS)]


def _timed(model: Any, clip: bytes) -> float:
    start = time.perf_counter()
    model.predict(pd.DataFrame({"media": [clip]}))
    return time.perf_counter() - start
