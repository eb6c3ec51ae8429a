"""What every run carries, and how a run starts."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pandas as pd

from ..corpus import split
from ..errors import AvemoError
from ..paths import SETTINGS_FILE, Project
from ..records import FeatureSpec
from ..settings import Settings
from . import git_state, lineage, spool
from .address import hide_password
from .git_state import GitState
from .lineage import ModelChoice
from .store import TRACKING_URI, experiment_id

if TYPE_CHECKING:
    from mlflow.data.dataset import Dataset
    from mlflow.entities import Run

__all__ = [
    "TRIAL",
    "child",
    "find_run",
    "finished_trials",
    "log_epochs",
    "reopen",
    "run",
    "stage_name",
]

#: the tag that says of which trial a search's child run is
TRIAL = "avemo.trial"


@contextmanager
def run(
    project: Project,
    settings: Settings,
    stage: str,
    modality: str,
    name: str,
    *,
    resume: str | None = None,
    tags: dict[str, str] | None = None,
    features: Iterable[FeatureSpec] | None = None,
    choice: ModelChoice | None = None,
) -> "Iterator[Run]":
    """Start a run, or resume one; `lineage.json` and its tags say what made it.

    Args:
        stage: the DVC stage, as in dvc.yaml
        modality: whose experiment it belongs to
        name: shown in the MLflow UI
        resume: the id of a run to resume
        tags: more of them; they take the place of those that every run has, such as the split's id
        features: see `lineage.record`
        choice: see `lineage.record`
    """
    import mlflow

    if resume:
        with mlflow.start_run(run_id=resume) as resumed:
            yield resumed
        return
    code = git_state.read(project.root)
    tags = {
        "avemo.stage": stage,
        "avemo.modality": modality,
        **_split_tags(project, settings),
        "avemo.corpus": settings.corpus.label,
        "avemo.seed": str(settings.seed),
        **_commit_tags(code),
        **(tags or {}),
    }
    with mlflow.start_run(
        experiment_id=experiment_id(project, modality), run_name=name, tags=tags
    ) as started:
        mlflow.log_artifact(str(project.root / SETTINGS_FILE))
        record = lineage.record(
            project,
            settings,
            stage,
            code,
            run_id=started.info.run_id,
            run_name=name,
            split_id=tags.get("avemo.split", ""),
            protocol=tags.get("avemo.protocol", ""),
            features=features,
            choice=choice,
        )
        lineage.log(project, code, record)
        mlflow.set_tags(
            {
                "avemo.python": record.machine.python,
                "avemo.processor": record.machine.processor,
                "avemo.pretrained.assets": "; ".join(record.assets),
                **{f"avemo.data.{path}": md5 for path, md5 in record.data.items()},
            }
        )
        for path, md5 in record.data.items():
            mlflow.log_input(_dataset(path, md5), context=stage)
        yield started


@contextmanager
def child(parent: "Run", name: str, tags: dict[str, str]) -> "Iterator[Run]":
    """Start a run below another, such as a trial or a fold.

    Args:
        parent: the run that it belongs to, under way
        name: shown in the MLflow UI
        tags: of it alone; what the parent carries is not repeated
    """
    import mlflow

    with mlflow.start_run(
        experiment_id=parent.info.experiment_id,
        run_name=name,
        nested=True,
        parent_run_id=parent.info.run_id,
        tags=tags,
    ) as started:
        yield started


def finished_trials(parent: str) -> "dict[str, Run]":
    """Return the finished children of a search's run, by the trial that each is of."""
    import mlflow
    from mlflow.entities import ViewType

    client = mlflow.MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    own = f"tags.mlflow.parentRunId = '{parent}' and attributes.status = 'FINISHED'"
    # with those that somebody deleted meanwhile, because they did run
    children = client.search_runs([experiment], own, ViewType.ALL, max_results=10_000)
    return {run.data.tags[TRIAL]: run for run in reversed(children) if TRIAL in run.data.tags}


@contextmanager
def reopen(run_id: str) -> Iterator[None]:
    """Add to a run that has ended; its end time stays what it was, also where the block fails.

    Raises:
        AvemoError: the tracking store does not have it, or somebody deleted it
    """
    import mlflow

    run_id = spool.resolve_run_id(run_id)
    reopened, place = find_run(run_id), hide_password(mlflow.get_tracking_uri())
    if reopened is None:
        raise AvemoError(
            f"the run {run_id} that trained this model is not at {place}: set "
            f"{TRACKING_URI} to where it is, or train again: dvc repro --force"
        )
    info = reopened.info
    if info.lifecycle_stage != "active":
        raise AvemoError(
            f"the run {run_id} ({info.run_name}) that trained this model was deleted at {place}: "
            f"bring it back with `avemo runs restore {run_id}`, or train again: dvc repro --force"
        )
    try:
        with mlflow.start_run(run_id=run_id):
            yield
    finally:
        mlflow.MlflowClient().set_terminated(run_id, end_time=info.end_time)


def find_run(run_id: str) -> "Run | None":
    """Return a run, be it deleted; None where the tracking store does not have it."""
    import mlflow

    try:
        return mlflow.MlflowClient().get_run(run_id)
    except mlflow.MlflowException:
        return None


def log_epochs(history: pd.DataFrame) -> None:
    """Log the epochs of a training as curves of the run under way.

    Args:
        history: one row an epoch, with the column `epoch` and its figures
    """
    import mlflow

    for row in history.to_dict("records"):
        step = int(row["epoch"])
        mlflow.log_metrics({str(k): float(v) for k, v in row.items() if k != "epoch"}, step=step)


def stage_name(action: str, modality: str) -> str:
    """Return a stage's name in dvc.yaml: `search@audio`, `train-fused`."""
    return f"{action}-fused" if modality == "fused" else f"{action}@{modality}"


def _split_tags(project: Project, settings: Settings) -> dict[str, str]:
    """Return the tags of the split that every modality shares; none where there is no split."""
    if not project.split.exists():
        return {}
    return {
        "avemo.split": split.split_id(project.split),
        "avemo.protocol": settings.split.protocol,
    }


def _commit_tags(code: GitState) -> dict[str, str]:
    """Return the tags of the commit; none outside a repository."""
    if not code.commit:
        return {}
    return {"mlflow.source.git.commit": code.commit, "avemo.dirty": str(code.dirty).lower()}


def _dataset(path: str, md5: str) -> "Dataset":
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    # MLflow has no source of its own for a path that DVC keeps
    source = HTTPDatasetSource(f"dvc:{path}")  # type: ignore[no-untyped-call]
    return MetaDataset(source, name=path, digest=md5[:32])  # type: ignore[abstract]
