"""Runs that were made while the tracking server was away, and are delivered once it is back.

They wait in a store of their own, `mlruns/spool`. A run gets another id at the server; its tag
`avemo.spool` says which it had, so that it is found by either, and is delivered once: what a
delivery that was cut short left is deleted at the server, and a run that arrived whole says so.
"""

from typing import Any

from ..errors import AvemoError
from ..paths import Project
from . import store
from .copy_run import deliver

__all__ = ["sync", "there"]

#: the id that a run had here
_ID = "avemo.spool"
#: at the server: everything of it is there
_WHOLE = "avemo.delivered"
_PARENT = "mlflow.parentRunId"


def sync(project: Project) -> list[str]:
    """Deliver each run that has ended, parents first.

    Returns:
        a line for each run
    """
    import mlflow
    from filelock import FileLock

    folder = project.root / "mlruns" / "spool"
    if not (folder / "mlflow.db").exists():
        return ["no run waits"]
    source, target = (
        mlflow.MlflowClient(store.SPOOL.format(root=project.root)),
        mlflow.MlflowClient(),
    )
    uri = mlflow.get_tracking_uri()
    with FileLock(folder / "sync.lock"):
        said: list[str] = []
        waiting: set[str] = set()
        arrived: dict[str, str] = {}
        for run in _runs(source):
            id_, title = run.info.run_id, f"{run.info.run_name} ({run.info.run_id})"
            if run.info.status == "RUNNING" or run.data.tags.get(_PARENT) in waiting:
                waiting.add(id_)
                said.append(f"{title} has not ended, and waits")
                continue
            # the server's ids, where a tag names another run that was delivered
            named = {k: arrived[v] for k, v in run.data.tags.items() if v in arrived}
            found = _arrived(target, id_)
            arrived[id_] = found or deliver(run, source, target, uri, named | {_ID: id_})
            target.set_tag(arrived[id_], _WHOLE, "yes")
            source.delete_run(id_)
            said.append(f"{title} is delivered, as {arrived[id_]}")
    return said or ["no run waits"]


def there(run_id: str) -> str:
    """The id that a run has at the store that is connected, which may be another than here.

    Raises:
        AvemoError: it is in the spool and was delivered to a server, which is away
    """
    import mlflow

    client = mlflow.MlflowClient()
    try:
        if client.get_run(run_id).info.lifecycle_stage == "active":
            return run_id
    except mlflow.MlflowException:
        return _arrived(client, run_id) or run_id
    if "/mlruns/spool/" in mlflow.get_tracking_uri():
        raise AvemoError(
            f"the run {run_id} is at the tracking server, which does not answer: try again once "
            "it does"
        )
    return run_id


def _runs(client: Any) -> list[Any]:
    """Those that were not delivered, oldest first: a parent is older than its children."""
    ids = [one.experiment_id for one in client.search_experiments()]
    return list(client.search_runs(ids, order_by=["attributes.start_time"], max_results=10_000))


def _arrived(client: Any, id_: str) -> str | None:
    """The run that was made of one in the spool; an unfinished copy is deleted."""
    ids = [one.experiment_id for one in client.search_experiments()]
    for run in client.search_runs(ids, f"tags.`{_ID}` = '{id_}'") if ids else []:
        if run.data.tags.get(_WHOLE):
            return str(run.info.run_id)
        client.delete_run(run.info.run_id)
    return None
