"""What every run carries, and how a run starts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd

from ..corpus import split
from ..errors import AvemoError
from ..paths import Project
from ..settings import SETTINGS_FILE, Settings
from . import lineage, spool
from .git_state import Code, code
from .store import TRACKING_URI, experiment

__all__ = ["TRIAL", "child", "log_epochs", "reopened", "run", "stage_of", "trials"]

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
    made_of: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """Start a run, or take one up again; `lineage.json` and its tags say what it is made of.

    Args:
        stage: the DVC stage, as in dvc.yaml
        modality: whose experiment it belongs to
        name: shown in the MLflow UI
        resume: the id of a run to take up again
        tags: more of them; they come before those that every run has, such as the split's id
        made_of: what the caller alone knows of the lineage, see `lineage.record`
    """
    import mlflow

    if resume:
        with mlflow.start_run(run_id=resume) as found:
            yield found
        return
    current = code(project.root)
    common = {
        "avemo.stage": stage,
        "avemo.modality": modality,
        **_split(project, settings),
        "avemo.corpus": settings.corpus.label,
        "avemo.seed": str(settings.seed),
        **_commit(current),
        **(tags or {}),
    }
    dealt = {name: common.get(f"avemo.{name}", "") for name in ("split", "protocol")}
    found = lineage.record(project, settings, stage, current, {**dealt, **(made_of or {})})
    common |= {
        "avemo.python": found["machine"]["python"],
        "avemo.processor": found["machine"]["processor"],
        "avemo.pretrained.assets": "; ".join(found["assets"]),
    }
    with mlflow.start_run(
        experiment_id=experiment(project, modality), run_name=name, tags=common
    ) as made:
        mlflow.log_artifact(str(project.root / SETTINGS_FILE))
        lineage.log(project, current, {"run_id": made.info.run_id, "run_name": name, **found})
        for path, md5 in found["data"].items():
            mlflow.set_tag(f"avemo.data.{path}", md5)
            mlflow.log_input(_dataset(path, md5), context=stage)
        yield made


@contextmanager
def child(parent: Any, name: str, tags: dict[str, str]) -> Iterator[Any]:
    """A run below another, such as a trial or a fold.

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
    ) as made:
        yield made


def trials(parent: str) -> dict[str, Any]:
    """The finished children of a search's run, by the trial that each is of."""
    import mlflow
    from mlflow.entities import ViewType

    client = mlflow.MlflowClient()
    experiment_id = client.get_run(parent).info.experiment_id
    own = f"tags.mlflow.parentRunId = '{parent}' and attributes.status = 'FINISHED'"
    # one that somebody deleted meanwhile did run
    found = client.search_runs([experiment_id], own, ViewType.ALL, max_results=10_000)
    return {one.data.tags[TRIAL]: one for one in reversed(found) if TRIAL in one.data.tags}


@contextmanager
def reopened(run_id: str) -> Iterator[None]:
    """Add to a run that has ended; how long it took stays what it was.

    Raises:
        AvemoError: the tracking store does not have it
    """
    import mlflow

    client, run_id = mlflow.MlflowClient(), spool.there(run_id)
    try:
        ended = client.get_run(run_id).info.end_time
    except mlflow.MlflowException:
        raise AvemoError(
            f"the run {run_id} that trained this model is not at {mlflow.get_tracking_uri()}: set "
            f"{TRACKING_URI} to where it is, or train again: dvc repro --force"
        ) from None
    with mlflow.start_run(run_id=run_id):
        yield
    client.set_terminated(run_id, end_time=ended)


def log_epochs(history: pd.DataFrame) -> None:
    """A training's table of epochs, as curves of the run under way."""
    import mlflow

    for row in history.to_dict("records"):
        step = int(row["epoch"])
        mlflow.log_metrics({str(k): float(v) for k, v in row.items() if k != "epoch"}, step=step)


def stage_of(action: str, modality: str) -> str:
    """The name in dvc.yaml: `search@audio`, `train-fused`."""
    return f"{action}-fused" if modality == "fused" else f"{action}@{modality}"


def _split(project: Project, settings: Settings) -> dict[str, str]:
    """Of a run on the split that every modality shares; one that deals its own says so itself."""
    if not project.split.exists():
        return {}
    return {
        "avemo.split": split.identity(project.split),
        "avemo.protocol": settings.split.protocol,
    }


def _commit(current: Code) -> dict[str, str]:
    """Outside a repository there is nothing to say."""
    if not current.commit:
        return {}
    return {
        "mlflow.source.git.commit": current.commit,
        "avemo.dirty": str(current.dirty).lower(),
    }


def _dataset(path: str, md5: str) -> Any:
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    # MLflow has no source of its own for a path that DVC keeps
    source = HTTPDatasetSource(f"dvc:{path}")  # type: ignore[no-untyped-call]
    return MetaDataset(source, name=path, digest=md5[:32])  # type: ignore[abstract]
