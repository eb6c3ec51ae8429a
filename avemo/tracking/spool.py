"""Runs that were made while the tracking server was away, and are delivered once it is back.

They wait in a store of their own, `mlruns/spool`. A run gets another id at the server; its tag
`avemo.spool` names the id that it had here, so that either id leads to it, and it is delivered
once: the part of a copy that an interrupted delivery wrote is deleted at the server, and a complete
copy is tagged as such.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import AvemoError
from ..paths import Project
from . import store
from .address import sqlite_file
from .copy_run import copy_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["resolve_run_id", "sync"]

#: the id that a run had in the spool
_SPOOL_ID = "avemo.spool"
#: at the server: the copy is complete
_DELIVERED = "avemo.delivered"
_PARENT = "mlflow.parentRunId"


def sync(project: Project) -> list[str]:
    """Deliver each run that has ended, parents first, and return a line for each run."""
    from filelock import FileLock

    folder = project.tracking / "spool"
    if not (folder / "mlflow.db").exists():
        return ["no run waits"]
    with FileLock(folder / "sync.lock"):
        return list(_deliver_all(store.open_store(store.spool_uri(project)))) or ["no run waits"]


def _deliver_all(spool_uri: str) -> Iterator[str]:
    import mlflow

    source, target = mlflow.MlflowClient(spool_uri), mlflow.MlflowClient()
    waiting: set[str] = set()
    delivered = _delivered_before(source, target)
    for run in _runs(source):
        run_id = run.info.run_id
        title = f"{run.info.run_name} ({run_id})"
        if run.info.status == "RUNNING" or run.data.tags.get(_PARENT) in waiting:
            waiting.add(run_id)
            yield f"{title} has not ended, and waits"
            continue
        # the server's ids, where a tag names another run that was delivered
        tags = {name: delivered[id_] for name, id_ in run.data.tags.items() if id_ in delivered}
        delivered[run_id] = _delivered_id(target, run_id) or copy_run(
            run, source, target, mlflow.get_tracking_uri(), tags | {_SPOOL_ID: run_id}
        )
        target.set_tag(delivered[run_id], _DELIVERED, "yes")
        source.delete_run(run_id)
        yield f"{title} is delivered, as {delivered[run_id]}"


def resolve_run_id(run_id: str) -> str:
    """Return the id that a run has at the connected store, where the spool's run is a copy.

    Raises:
        AvemoError: it was delivered from the spool to a server that is away
    """
    import mlflow

    client = mlflow.MlflowClient()
    try:
        if client.get_run(run_id).info.lifecycle_stage == "active":
            return run_id
    except mlflow.MlflowException:
        return _delivered_id(client, run_id) or run_id
    database = sqlite_file(mlflow.get_tracking_uri())
    if database and database.parent.parts[-2:] == ("mlruns", "spool"):
        raise AvemoError(
            f"the run {run_id} is at the tracking server, which does not answer: try again once "
            "it does"
        )
    return run_id


def _runs(client: "MlflowClient", *, delivered: bool = False) -> "list[Run]":
    """Return those that wait, or those that were delivered, oldest first.

    A parent is older than its children.
    """
    from mlflow.entities import ViewType

    view = ViewType.DELETED_ONLY if delivered else ViewType.ACTIVE_ONLY
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(
        client.search_runs(
            ids, run_view_type=view, order_by=["attributes.start_time"], max_results=10_000
        )
    )


def _delivered_before(source: "MlflowClient", target: "MlflowClient") -> dict[str, str]:
    """Return the server's ids of the runs that runs which still wait belong to, by the spool's.

    An interrupted delivery has delivered a parent, and not all of its children.
    """
    named = {value for run in _runs(source) for value in run.data.tags.values()}
    deleted = {run.info.run_id for run in _runs(source, delivered=True)}
    ids = {run_id: _delivered_id(target, run_id) for run_id in deleted & named}
    return {run_id: delivered for run_id, delivered in ids.items() if delivered}


def _delivered_id(client: "MlflowClient", run_id: str) -> str | None:
    """Return the id of a spooled run's complete copy; an incomplete copy is deleted."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    for run in client.search_runs(ids, f"tags.`{_SPOOL_ID}` = '{run_id}'") if ids else []:
        if run.data.tags.get(_DELIVERED):
            return str(run.info.run_id)
        client.delete_run(run.info.run_id)
    return None
