"""Runs that were stopped before their end: taken up again, or ended."""

from .runs import TRIAL

__all__ = ["abandon", "end_children", "end_trial", "known"]


def known(run_id: str) -> bool:
    """Whether the tracking store has a run, and it is not deleted."""
    import mlflow

    try:
        return str(mlflow.get_run(run_id).info.lifecycle_stage) == "active"
    except mlflow.MlflowException:
        return False


def end_children(parent: str) -> None:
    """Those that were under way when their parent was killed are KILLED, and will be run again."""
    _end(parent, "attributes.status = 'RUNNING'")


def end_trial(parent: str, trial: str) -> None:
    """What was run of a trial before is KILLED: who ran it died before it said how that ended."""
    which = f"tags.{TRIAL} = '{trial}' and attributes.status != 'KILLED'"
    _end(parent, f"{which} and attributes.status != 'FAILED'")


def abandon(run_id: str) -> None:
    """End a run that was stopped and will not be taken up again; one that ended well stays so."""
    import mlflow

    if not known(run_id):
        return
    end_children(run_id)
    client = mlflow.MlflowClient()
    if client.get_run(run_id).info.status != "FINISHED":
        client.set_terminated(run_id, "KILLED")


def _end(parent: str, which: str) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    experiment_id = client.get_run(parent).info.experiment_id
    own = f"tags.mlflow.parentRunId = '{parent}' and {which}"
    for found in client.search_runs([experiment_id], own):
        client.set_terminated(found.info.run_id, "KILLED")
