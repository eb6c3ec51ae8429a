"""Finished stages, as they leave their results, with runs in a tracking store."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import mlflow
import pandas as pd
import pytest
from helpers.registry_fixture import copy_empty_database
from helpers.results import champion, predictions, sharpened
from helpers.training_task import search_result

from avemo.evaluation import metrics
from avemo.paths import Project
from avemo.records import Configuration, Skipped, Trial
from avemo.report.manifest import Champion
from avemo.tracking import store

COMMIT = "f" * 40
SPLIT = "0123456789ab"
SPEECH = predictions(seed=3)


class StartRun(Protocol):
    def __call__(self, name: str, experiment: str, nested: bool = False, **tags: str) -> str: ...


@contextmanager
def tracking_store(root: Path) -> Iterator[StartRun]:
    """Make runs in a new tracking store, which the environment names for the block."""
    with pytest.MonkeyPatch.context() as patch:
        copy_empty_database(root / "mlflow.db")
        uri = f"sqlite:///{root}/mlflow.db"
        patch.setenv(store.TRACKING_URI, uri)
        patch.setenv("GIT_DIR", str(root / "none"))
        for modality in ("audio", "baselines"):
            store.ensure_experiment(mlflow.MlflowClient(), uri, f"avemo/{modality}")

        def make(name: str, experiment: str, nested: bool = False, **tags: str) -> str:
            mlflow.set_experiment(experiment)
            tags = {name.replace("_", "."): value for name, value in tags.items()}
            with mlflow.start_run(run_name=name, tags=tags, nested=nested) as run:
                mlflow.log_param("seed", 20)
            return str(run.info.run_id)

        yield make


def cross_validated(
    project: Project,
    tracked: StartRun,
    table: pd.DataFrame = SPEECH,
    claimed: pd.DataFrame = SPEECH,
    **summary: object,
) -> dict[str, Any]:
    """The stage's outputs.

    Args:
        claimed: the predictions that the result speaks of; others than `table` are damage
    """
    corpus = "sample (synthetic)" if summary.get("synthetic") else "path"
    parent = tracked(
        "crossvalidate",
        "avemo/audio",
        avemo_corpus=corpus,
        avemo_split=SPLIT,
        mlflow_source_git_commit=COMMIT,
    )
    folds = [
        fold.model_dump(exclude={"run", "actors"})
        | {"actors": [f"{actor:02d}" for actor in fold.actors]}
        | {"run_id": tracked(f"fold {fold.fold}", "avemo/audio"), "run_name": "-"}
        for fold in Champion.model_validate(champion(claimed)).folds
    ]
    folder = project.root / "study/crossvalidation/audio"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "predictions.csv", index=False, float_format="%.6f")
    before = sharpened(table, 1.5)
    before.to_csv(folder / "uncalibrated.csv", index=False, float_format="%.6f")
    result = {"synthetic": False, "protocol": "actor", "run_id": parent, "run_name": "-"}
    result |= {"folds": folds, "figures": {}} | summary
    header = {"record": "CrossValidationResult", "version": 1}
    (folder / "summary.json").write_text(json.dumps(header | result))
    return result


def searched(
    project: Project,
    tracked: StartRun,
    architectures: list[str],
    current: bool = True,
    corpus: str = "path",
    status: str = "FINISHED",
    split: str = SPLIT,
) -> None:
    """A finished search of these, the project's own or another."""
    tags = {"avemo.corpus": corpus, "avemo.split": split}
    tags["mlflow.source.git.commit"] = architectures[0].ljust(40, "0")
    mlflow.set_experiment("avemo/audio")
    trials = []
    with mlflow.start_run(run_name="search", tags=tags) as run:
        for number, name in enumerate(architectures):
            trial = tracked(f"trial 0{number} {name}", "avemo/audio", nested=True)
            for fold in (2, 3):
                mlflow.MlflowClient().log_metric(trial, f"val_uar_fold_{fold}", 0.5 + number / 10)
            configuration: Configuration = {"architecture": name}
            trials.append(Trial(run_id=trial, hyperparameters=configuration, val_uar=0.5))
        result = search_result([], trials)
        result.write(project.root / "search.json")
        mlflow.log_artifact(str(project.root / "search.json"))
    mlflow.MlflowClient().set_terminated(run.info.run_id, status)
    if current:
        project.search("audio").mkdir(parents=True, exist_ok=True)
        result.write(project.search_result("audio"))


def baseline(
    project: Project,
    tracked: StartRun,
    name: str,
    synthetic: bool = False,
    table: pd.DataFrame = SPEECH,
    skipped_runs: Sequence[dict[str, str]] = (),
    **run: object,
) -> None:
    """A finished baseline on speech, or what `run` says."""
    corpus = "sample (synthetic)" if synthetic else "path"
    run_id = tracked(f"{name} speech actor", "avemo/baselines", avemo_corpus=corpus,
                     avemo_protocol="actor", avemo_dirty="true")  # fmt: skip
    folder = project.baseline(name)
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "speech-actor.csv", index=False, float_format="%.6f")
    figure = {"value": metrics.uar_of(table), "low": None, "high": None, "actors": 12}
    entry = {
        "channel": "speech",
        "protocol": "actor",
        "experiment": "avemo/baselines",
        "run_id": run_id,
        "run_name": f"{name} speech actor",
        "predictions": "speech-actor.csv",
        "test": {"uar": figure | {"performances": len(table)}},
    } | run
    result: dict[str, object] = {"system": name, "synthetic": synthetic, "runs": [entry]}
    result["skipped_runs"] = [*skipped_runs]
    header = {"record": "BaselineResult", "version": 1}
    (folder / "runs.json").write_text(json.dumps(header | result))


def skipped(project: Project, name: str, reason: str) -> None:
    """A baseline that could not be run."""
    folder = project.baseline(name)
    folder.mkdir(parents=True, exist_ok=True)
    Skipped(reason=reason).write(folder / "runs.json")
