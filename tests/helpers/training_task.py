"""A task that no recording stands behind: features say what their performance's name does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.registry_fixture import copy_empty_database

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS, Recording
from avemo.datasets import Array, Dataset
from avemo.evaluation.predictions import predictions_frame
from avemo.features.spec import FeatureSpec
from avemo.paths import SETTINGS_FILE, Project
from avemo.records import Configuration, SearchResult, Trial
from avemo.settings import Settings
from avemo.tracking import runs, store
from avemo.training.objective import create_objective
from avemo.training.task import TrainingTask

ROOT = Path(__file__).parents[2]

PARTS = {1: "test", 2: "valid", 3: "train"}
SPLIT_ID = "0123456789ab"
COLUMNS = {"whisper": 5 * 8, "whisper_stats": 5 * 2 * 8}

LINEAR: Configuration = {
    "architecture": "whisper_linear",
    "whisper_linear/dropout": 0.6,
    "learning_rate": 3e-3,
}
HEAD: Configuration = {"architecture": "whisper", "whisper/width": 96, "whisper/convolutions": 0}


def settings(epochs: int = 2, members: int = 2, seed: int = 20, trials: int = 2) -> Settings:
    """The repository's own, with short trainings."""
    settings = load_settings(ROOT)
    budget = settings.search.audio.quick.model_copy(
        update={"trials": trials, "epochs": epochs, "members": members}
    )
    audio = settings.search.audio.model_copy(update={"batch_size": 8, "quick": budget})
    return settings.model_copy(
        update={
            "seed": seed,
            "search": settings.search.model_copy(update={"budget": "quick", "audio": audio}),
            "evaluation": settings.evaluation.model_copy(update={"resamples": 100}),
        }
    )


def training_task(data: Dataset | None = None) -> TrainingTask:
    """Of both heads on Whisper's states."""
    return TrainingTask("audio", data or dataset(), ["whisper", "whisper_linear"], {}, {}, {})


def dataset(channels: Sequence[int] = (1,)) -> Dataset:
    """Three folds of two actors; one performance an emotion and statement.

    Args:
        channels: speech (1) and song (2), which has six emotions and lacks the last actor
    """
    codes = product(channels, range(1, len(EMOTIONS) + 1), (1, 2), range(1, 7))
    recordings = sorted(
        (
            Recording(3, channel, emotion, 1, statement, 1, actor)
            for channel, emotion, statement, actor in codes
            if channel == 1 or (emotion <= 6 and actor < 6)
        ),
        key=lambda recording: recording.performance,
    )
    folds = [(recording.actor + 1) // 2 for recording in recordings]
    rows = pd.DataFrame(
        {
            "performance": [recording.performance for recording in recordings],
            "part": [PARTS[fold] for fold in folds],
            "fold": folds,
            "corpus": "ravdess",
            "actor": [f"{recording.actor:02d}" for recording in recordings],
            "sex": [recording.sex for recording in recordings],
            "emotion": [recording.label for recording in recordings],
        }
    )
    features = {
        feature: [feature_array(feature, performance) for performance in rows["performance"]]
        for feature in COLUMNS
    }
    spec = FeatureSpec(extractor="whisper", version=1, settings={})
    return Dataset(rows, features, dict.fromkeys(COLUMNS, spec), SPLIT_ID, EMOTIONS)


def feature_array(feature: str, performance: str) -> Array:
    """Rows over time, every eighth column of which tells the emotion; one row of statistics."""
    random = np.random.default_rng([int(field) for field in performance.split("-")])
    rows = 1 if feature == "whisper_stats" else int(random.integers(4, 9))
    array = random.normal(size=(rows, COLUMNS[feature])).astype("f")
    array[:, int(performance.split("-")[1]) - 1 :: len(EMOTIONS)] += 4
    return array


def alter_fold(data: Dataset, fold: int, seed: int, features: bool = False) -> Dataset:
    """The same data, but for one fold's emotions, or for its features, of another length."""
    random = np.random.default_rng(seed)
    rows = np.flatnonzero(data.rows["fold"].eq(fold))
    if not features:
        emotions = data.rows["emotion"].to_numpy(copy=True)
        emotions[rows] = random.choice(EMOTIONS, len(rows))
        return replace(data, rows=data.rows.assign(emotion=emotions))
    arrays = {name: list(clips) for name, clips in data.features.items()}
    for row in rows:
        for name, length in (("whisper", int(random.integers(1, 20))), ("whisper_stats", 1)):
            arrays[name][row] = 9 * random.normal(size=(length, COLUMNS[name])).astype("f")
    return replace(data, features=arrays)


def predictions_of(data: Dataset, skill: float, seed: int) -> pd.DataFrame:
    """Predictions of some performances: the higher the skill, the better."""
    scores = np.random.default_rng(seed).normal(size=(len(data), len(EMOTIONS)))
    scores[np.arange(len(data)), data.labels] += skill
    return predictions_frame(data, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))


@contextmanager
def tracked_project(root: Path) -> Iterator[Project]:
    """A project to train in, whose runs and those of other projects are tracked below it."""
    project = make_project(root)
    copy_empty_database(root / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.TRACKING_URI, store.default_uri(Project(root)))
        yield project


def make_project(root: Path) -> Project:
    """A project to train in."""
    root.mkdir(parents=True, exist_ok=True)
    (root / SETTINGS_FILE).write_bytes((ROOT / SETTINGS_FILE).read_bytes())
    return Project(root)


def search_result(
    members: list[Configuration], trials: list[Trial] | None = None, **fields: Any
) -> SearchResult:
    """What a search leaves, of which only these fields matter."""
    defaults: dict[str, Any] = {
        "run_id": "search",
        "split_id": SPLIT_ID,
        "val_uar": 0.5,
        "temperature": 1.0,
    }
    return SearchResult(members=members, trials=trials or [], **defaults | fields)


def run_search(
    project: Project, settings: Settings, task: TrainingTask, *configurations: Configuration
) -> SearchResult:
    """The result of a search that tried these; its predictions go to its folder."""
    folder = project.search("audio")
    folder.mkdir(parents=True, exist_ok=True)
    trials = [
        Trial(run_id="-", hyperparameters=configuration, val_uar=0.5)
        for configuration in configurations
    ]
    with runs.run(project, settings, "search@audio", "audio", "search"):
        ensemble = create_objective(project, settings, task).select(trials, folder)
    return search_result(
        ensemble.members,
        trials,
        split_id=task.data.split_id,
        temperature=ensemble.temperature,
    )
