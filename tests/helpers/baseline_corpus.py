"""A catalogue and features that no recording stands behind."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from avemo.config import load_settings
from avemo.corpus.adapters import ravdess
from avemo.errors import MediaError
from avemo.features import store
from avemo.features.names import modality_of
from avemo.features.spec import FeatureSpec
from avemo.paths import Project
from avemo.settings import Settings

ROOT = Path(__file__).parents[2]


def settings(**changes: object) -> Settings:
    """Return the repository's own, with short trainings and other `baselines` or `split`."""
    repository = load_settings(ROOT)
    small = {"epochs": 1, "batch_size": 8, "channels": ["speech"]}
    baselines = repository.baselines.model_copy(update=small | changes)
    evaluation = repository.evaluation.model_copy(update={"resamples": 100})
    return repository.model_copy(update={"baselines": baselines, "evaluation": evaluation})


def catalogue(
    actors: Iterable[int], channels: Sequence[int] = (1, 2), emotions: int = 8, statements: int = 1
) -> pd.DataFrame:
    """One recording a performance, each of other content."""
    rows = []
    codes = product(channels, range(1, emotions + 1), range(1, statements + 1), actors)
    for channel, emotion, statement, actor in codes:
        if channel == 2 and emotion > len(ravdess.SUNG):
            continue
        recording = ravdess.Recording(3, channel, emotion, 1, statement, 1, actor)
        rows.append(
            {
                "recording": recording.id,
                "performance": recording.performance,
                "channel": channel,
                "corpus": "ravdess",
                "actor": f"{actor:02d}",
                "sex": recording.sex,
                "emotion": recording.label,
                "sha256": recording.id,
                "modality": recording.modality,
                "path": f"{recording.id}.wav",
                "file": Path(recording.id),
                "finding": "",
            }
        )
    return pd.DataFrame(rows)


def clip(
    name: str, columns: int, kind: str = "float32", skill: float = 1.0, low: int = 3, high: int = 7
) -> NDArray[Any]:
    """Random rows over time that say what the performance's name does, and that alone."""
    draw = np.random.default_rng([int(field) for field in name.split("-")])
    rows = draw.normal(size=(draw.integers(low, high), columns))
    rows[:, int(name.split("-")[1]) - 1] += 3 * skill
    return (
        np.round(128 + 20 * rows).clip(0, 255).astype("uint8")
        if kind == "uint8"
        else rows.astype(kind)
    )


def face(name: str, side: int = 32) -> NDArray[np.uint8]:
    """Pictures over time; the middle one has a bright place that says what the name does."""
    draw = np.random.default_rng([int(field) for field in name.split("-")])
    pictures = draw.integers(100, 156, (draw.integers(1, 6), side, side, 3), np.uint8)
    row, column = divmod(int(name.split("-")[1]) - 1, 4)
    pictures[len(pictures) // 2, 16 * row :, 8 * column : 8 * column + 8] += 99
    return pictures


def write(
    project: Project,
    extractor: str,
    arrays: dict[str, str],
    rows: pd.DataFrame,
    skill: dict[str, float] | None = None,
    network: str = "",
    **lengths: int,
) -> None:
    """Write features of each performance, as `audio-features` and `visual-features` do."""
    folder = project.features(modality_of(extractor), extractor)
    spec = FeatureSpec(extractor=extractor, version=1, settings={"network": network})
    target = store.Target(folder, spec, arrays)

    def extract(
        file: Path, names: Collection[str]
    ) -> Mapping[str, dict[str, NDArray[Any]] | MediaError]:
        name = file.name.removeprefix("03-")
        features = {
            array: face(name)
            if array == "crops"
            else clip(name, 16, kind, (skill or {}).get(array, 1.0), **lengths)
            for array, kind in arrays.items()
        }
        return {extractor: features}

    store.update({extractor: target}, rows, extract, workers=1)
