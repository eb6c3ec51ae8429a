"""What is published of runs in MLflow."""

from typing import TYPE_CHECKING

from ..errors import AvemoError
from ..tracking import spool, store
from .manifest import Run

if TYPE_CHECKING:
    from mlflow.entities import Run as TrackedRun

__all__ = ["corpus_of", "describe_run", "find_run"]


def find_run(run_id: str) -> "TrackedRun":
    """Return a run of the tracking store, by the id that it has there.

    Raises:
        AvemoError: it is not there
    """
    import mlflow

    try:
        return mlflow.get_run(spool.resolve_run_id(run_id))
    except mlflow.MlflowException:
        raise AvemoError(
            f"the run {run_id} is not at {mlflow.get_tracking_uri()}: set {store.TRACKING_URI} to "
            "where it is, or run its stage again: dvc repro --force in study"
        ) from None


def describe_run(tracked: "TrackedRun", parent: Run | None = None) -> Run:
    """Return what is published of a run; a child is of its parent's commit."""
    import mlflow

    tags = tracked.data.tags
    return Run(
        experiment=mlflow.get_experiment(tracked.info.experiment_id).name,
        run_id=tracked.info.run_id,
        run_name=tracked.info.run_name,
        commit=parent.commit if parent else tags.get("mlflow.source.git.commit", ""),
        changed=parent.changed if parent else tags.get("avemo.dirty") == "true",
        params=dict(sorted(tracked.data.params.items())),
    )


def corpus_of(tracked: "TrackedRun", synthetic: bool, protocol: str) -> str:
    """Return the corpus that a run was made on.

    Args:
        tracked: the run
        synthetic: what its stage says of the corpus
        protocol: that its stage names

    Raises:
        AvemoError: the run says otherwise than its stage
    """
    corpus = str(tracked.data.tags.get("avemo.corpus", ""))
    tagged = tracked.data.tags.get("avemo.protocol", protocol)
    if tagged != protocol or ("synthetic" in corpus) != synthetic:
        raise AvemoError(
            f"the run {tracked.info.run_id} is on {corpus or 'an unknown corpus'} by protocol "
            f"{tagged}, and its stage says otherwise: run it again (dvc repro --force in study)"
        )
    return corpus
