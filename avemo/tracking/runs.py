"""What every run carries, and how a run starts."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import yaml

from ..corpus import split
from ..errors import AvemoError
from ..project import Project
from ..settings import FILE, Settings
from .store import TRACKING_URI, experiment

__all__ = ["TRIAL", "child", "data", "log_epochs", "reopened", "run", "stage_of", "trials"]

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
) -> Iterator[Any]:
    """Start a run, or take one up again, with the commit, data, split and settings that it has.

    Args:
        stage: the DVC stage, as in dvc.yaml
        modality: whose experiment it belongs to
        name: shown in the MLflow UI
        resume: the id of a run to take up again
        tags: more of them; they come before those that every run has, such as the split's id
    """
    import mlflow

    if resume:
        with mlflow.start_run(run_id=resume) as found:
            yield found
        return
    common = {
        "avemo.stage": stage,
        "avemo.modality": modality,
        **_split(project, settings),
        "avemo.corpus": settings.corpus.label,
        "avemo.seed": str(settings.seed),
        **_commit(project),
        **(tags or {}),
    }
    with mlflow.start_run(
        experiment_id=experiment(project, modality), run_name=name, tags=common
    ) as made:
        mlflow.log_artifact(str(project.root / FILE))
        for path, md5 in data(project, stage).items():
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

    client = mlflow.MlflowClient()
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


def data(project: Project, stage: str) -> dict[str, str]:
    """The md5 of each data dependency of a stage, as dvc.lock has it."""
    lock = project.root / "dvc.lock"
    if not lock.exists():
        return {}
    stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    outs = [out for entry in stages.values() for out in entry.get("outs", [])]
    pipeline = yaml.safe_load((project.root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    name, _, item = stage.partition("@")
    deps = (pipeline[name].get("do") or pipeline[name])["deps"]
    each = pipeline[name].get("foreach")
    value = str(each[item] if isinstance(each, dict) else item)
    wanted = [dep.replace("${key}", item).replace("${item}", value) for dep in deps]
    return {
        out["path"]: out["md5"] for out in outs if any(_overlap(out["path"], dep) for dep in wanted)
    }


def log_epochs(history: pd.DataFrame) -> None:
    """A training's table of epochs, as curves of the run under way."""
    import mlflow

    for row in history.to_dict("records"):
        step = int(row["epoch"])
        mlflow.log_metrics({str(k): float(v) for k, v in row.items() if k != "epoch"}, step=step)


def stage_of(action: str, modality: str) -> str:
    """The name in dvc.yaml: `search@audio`, `train-fused`."""
    return f"{action}-fused" if modality == "fused" else f"{action}@{modality}"


def _overlap(out: str, dep: str) -> bool:
    """A stage may depend on a folder that several others write to, or on a part of one's."""
    return out == dep or out.startswith(f"{dep}/") or dep.startswith(f"{out}/")


def _split(project: Project, settings: Settings) -> dict[str, str]:
    """Of a run on the split that every modality shares; one that deals its own says so itself."""
    if not project.split.exists():
        return {}
    return {
        "avemo.split": split.identity(project.split),
        "avemo.protocol": settings.split.protocol,
    }


def _commit(project: Project) -> dict[str, str]:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(project.root), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    commit = git("rev-parse", "HEAD")
    if not commit:
        return {}
    dirty = bool(git("status", "--porcelain", "--untracked-files=no", "--", ":!dvc.lock"))
    return {"mlflow.source.git.commit": commit, "avemo.dirty": str(dirty).lower()}


def _dataset(path: str, md5: str) -> Any:
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    # MLflow has no source of its own for a path that DVC keeps
    source = HTTPDatasetSource(f"dvc:{path}")  # type: ignore[no-untyped-call]
    return MetaDataset(source, name=path, digest=md5[:32])  # type: ignore[abstract]
