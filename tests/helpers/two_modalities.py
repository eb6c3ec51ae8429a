"""A project of sound and picture that no recording stands behind, searched in seconds."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from helpers.split_table import write_split
from helpers.training_task import tracked_project

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features import store
from avemo.features.arrays import Arrays
from avemo.features.spec import FeatureSpec
from avemo.modalities import UNIMODAL, Unimodal
from avemo.paths import Project
from avemo.records import Configuration, SearchResult, Trial
from avemo.settings import Settings
from avemo.tracking import runs
from avemo.training.objective import create_objective
from avemo.training.task import load_task

ROOT = Path(__file__).parents[2]

#: the first fold is tested, the second valid
PARTS = {1: "test", 2: "valid"}
CONFIGURATIONS: dict[Unimodal, Configuration] = {
    "audio": {"architecture": "whisper_linear"},
    "visual": {"architecture": "expression_linear"},
}
_COLUMNS = {"whisper_stats": 16, "expression_stats": 16, "geometry_stats": 4}
_EXTRACTORS = {
    "audio": {"whisper": ["whisper_stats"]},
    "visual": {"expression": ["expression_stats"], "geometry": ["geometry_stats"]},
}


def make_two_modality_project(root: Path, folds: int = 4) -> Project:
    """Return a project with features of performances of two actors a fold, one an emotion."""
    root.mkdir(parents=True)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["split"]["folds"] = folds
    params["evaluation"]["resamples"] = 100
    budget = {"trials": 1, "epochs": 4, "members": 1}
    for modality, configuration in CONFIGURATIONS.items():
        params["search"][modality] |= {
            "architectures": [configuration["architecture"]],
            "sampling_order": [],
            "batch_size": 8,
            "quick": budget,
            "full": budget,
        }
    fused = {"architectures": ["late", "stacking"], "sampling_order": [], "batch_size": 8}
    params["search"]["fused"] |= fused | {
        "quick": budget | {"trials": 2},
        "full": budget | {"trials": 2},
    }
    params["search"]["budget"] = "full"
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    project = Project(root)
    rows = pd.DataFrame(
        {
            "performance": f"01-{emotion:02d}-01-01-01-{actor:02d}",
            "actor": actor,
            "fold": (actor + 1) // 2,
        }
        for emotion in range(1, len(EMOTIONS) + 1)
        for actor in range(1, 2 * folds + 1)
    )
    rows["part"] = rows["fold"].map(PARTS).fillna("train")
    write_split(project, rows)
    write_features(project, rows)
    return project


def write_features(project: Project, rows: pd.DataFrame, altered_fold: int | None = None) -> None:
    """Write the features of both modalities.

    Args:
        rows: performance, actor, fold
        altered_fold: whose features are others
    """

    def draw(file: Path, names: Collection[str]) -> dict[str, Arrays]:
        fields = [int(field) for field in file.name.split("-")]
        altered = (fields[-1] + 1) // 2 == altered_fold
        random = np.random.default_rng([*fields, int(altered)])
        arrays: Arrays = {}
        for name, columns in _COLUMNS.items():
            arrays[name] = random.normal(size=(1, columns)).astype("f")
            arrays[name][:, (fields[1] - 1) % columns] += 0 if altered else 2
        return {
            extractor: {name: arrays[name] for name in features}
            for extractors in _EXTRACTORS.values()
            for extractor, features in extractors.items()
        }

    sources = rows.assign(
        recording="01-" + rows["performance"],
        sha256=rows["performance"] + f"{altered_fold}",
        file=rows["performance"].map(Path),
    )
    for modality, extractors in _EXTRACTORS.items():
        targets = {
            name: store.Target(
                project.features(modality, name),
                FeatureSpec(extractor=name, version=1, settings={}),
                dict.fromkeys(arrays, "float32"),
            )
            for name, arrays in extractors.items()
        }
        store.update(targets, sources, draw, workers=1)


def search_both(project: Project, settings: Settings) -> dict[Unimodal, SearchResult]:
    """Return what the searches of both modalities leave, which they write into the project."""
    results: dict[Unimodal, SearchResult] = {}
    for modality in UNIMODAL:
        task = load_task(project, settings, modality)
        folder = project.search(modality)
        folder.mkdir(parents=True, exist_ok=True)
        trial = Trial(run_id="-", hyperparameters=CONFIGURATIONS[modality], val_uar=0.5)
        with runs.run(project, settings, f"search@{modality}", modality, "search") as run:
            ensemble = create_objective(project, settings, task).select([trial], folder)
        results[modality] = SearchResult(
            run_id=run.info.run_id,
            split_id=task.data.split_id,
            val_uar=0.5,
            trials=[trial],
            members=ensemble.members,
            temperature=ensemble.temperature,
        )
        results[modality].write(project.search_result(modality))
    return results


@contextmanager
def searched_project(root: Path, folds: int = 4) -> Iterator[Project]:
    """Yield a project of which both modalities are searched, and whose runs are tracked.

    Args:
        root: a folder for the project and the tracked runs
        folds: of two actors each
    """
    with tracked_project(root):
        project = make_two_modality_project(root / "project", folds)
        search_both(project, load_settings(project.root))
        yield project
