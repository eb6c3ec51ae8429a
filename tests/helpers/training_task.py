"""A task that no recording stands behind: features say what their performance's name does."""

from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import Recording
from avemo.datasets import Dataset
from avemo.emotions import EMOTIONS
from avemo.features.spec import FeatureSpec
from avemo.paths import Project
from avemo.settings import SETTINGS_FILE
from avemo.tracking import runs, store
from avemo.training.objective import judge
from avemo.training.task import Task

ROOT = Path(__file__).parents[2]

PARTS = {1: "test", 2: "valid", 3: "train"}
COLUMNS = {"whisper": 5 * 8, "whisper_stats": 5 * 2 * 8}

LINEAR = {"architecture": "whisper_linear", "whisper_linear/dropout": 0.6, "learning_rate": 3e-3}
HEAD = {"architecture": "whisper", "whisper/width": 96, "whisper/convolutions": 0}


def settings(epochs=2, members=2, seed=20, trials=2):
    """The repository's own, with short trainings."""
    found = load_settings(ROOT)
    budget = found.search.audio.quick.model_copy(
        update={"trials": trials, "epochs": epochs, "members": members}
    )
    audio = found.search.audio.model_copy(update={"batch_size": 8, "quick": budget})
    return found.model_copy(
        update={
            "seed": seed,
            "search": found.search.model_copy(update={"budget": "quick", "audio": audio}),
            "evaluation": found.evaluation.model_copy(update={"resamples": 100}),
        }
    )


def task(data=None):
    """Of both heads on Whisper's states."""
    return Task("audio", data or dataset(), ["whisper", "whisper_linear"], {}, {}, {})


def dataset():
    """Three folds of two actors; one performance an emotion and statement."""
    codes = product(range(1, len(EMOTIONS) + 1), (1, 2), range(1, 7))
    made = [Recording(3, 1, emotion, 1, statement, 1, actor) for emotion, statement, actor in codes]
    made = sorted(made, key=lambda one: one.performance)
    fold = [(one.actor + 1) // 2 for one in made]
    rows = pd.DataFrame(
        {
            "performance": [one.performance for one in made],
            "part": [PARTS[one] for one in fold],
            "fold": fold,
            "actor": [one.actor for one in made],
            "emotion": [one.label for one in made],
        }
    )
    features = {name: [clip(name, one) for one in rows["performance"]] for name in COLUMNS}
    specs = {name: FeatureSpec(extractor="whisper", version=1, settings={}) for name in COLUMNS}
    return Dataset(rows, features, specs, "0123456789ab")


def clip(feature, performance):
    """Rows over time, every eighth column of which tells the emotion; one row of statistics."""
    draw = np.random.default_rng([int(field) for field in performance.split("-")])
    rows = 1 if feature == "whisper_stats" else int(draw.integers(4, 9))
    found = draw.normal(size=(rows, COLUMNS[feature])).astype("f")
    found[:, int(performance.split("-")[1]) - 1 :: len(EMOTIONS)] += 4
    return found


def altered(data, fold, seed, features=False):
    """The same, but for one fold's emotions, or for its features, of another length."""
    draw = np.random.default_rng(seed)
    places = np.flatnonzero(data.rows["fold"].eq(fold))
    if not features:
        emotions = data.rows["emotion"].to_numpy(copy=True)
        emotions[places] = draw.choice(EMOTIONS, len(places))
        return replace(data, rows=data.rows.assign(emotion=emotions))
    clips = {name: list(each) for name, each in data.features.items()}
    for place in places:
        for name, rows in (("whisper", int(draw.integers(1, 20))), ("whisper_stats", 1)):
            clips[name][place] = 9 * draw.normal(size=(rows, COLUMNS[name])).astype("f")
    return replace(data, features=clips)


@contextmanager
def tracked(root):
    """A project to train in, and where its runs and those of others are kept."""
    made = project(root)
    (root / "mlruns").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.TRACKING_URI, store.DEFAULT.format(root=root))
        yield made


def project(root):
    """A project to train in."""
    root.mkdir(parents=True, exist_ok=True)
    (root / SETTINGS_FILE).write_bytes((ROOT / SETTINGS_FILE).read_bytes())
    return Project(root)


def searched(project, settings, task, *configurations):
    """What a search that tried these has found, and what it keeps in its folder."""
    folder = project.search("audio")
    folder.mkdir(parents=True, exist_ok=True)
    tried = [{"run_id": "-", "hyperparameters": one, "val_uar": 0.5} for one in configurations]
    found = {"run_id": "-", "split": task.data.split, "val_uar": 0.5, "trials": tried}
    with runs.run(project, settings, "search@audio", "audio", "search"):
        return found | judge(project, settings, task).chosen(tried, folder)
