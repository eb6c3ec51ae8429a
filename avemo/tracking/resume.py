"""Runs that were stopped before their end: resumed, or ended."""

from .runs import TRIAL, find_run

__all__ = ["end_children", "end_run", "end_trial", "is_active"]


def is_active(run_id: str) -> bool:
    """Return whether the tracking store has a run that is not deleted."""
    run = find_run(run_id)
    return run is not None and str(run.info.lifecycle_stage) == "active"


def end_children(parent: str) -> None:
    """End as KILLED those that were under way when their parent was killed; they will run again."""
    _end(parent, "attributes.status = 'RUNNING'")


def end_trial(parent: str, trial: str) -> None:
    """End as KILLED what ran of a trial before: its worker died before it reported the result."""
    own = f"tags.{TRIAL} = '{trial}' and attributes.status != 'KILLED'"
    _end(parent, f"{own} and attributes.status != 'FAILED'")


def end_run(run_id: str) -> None:
    """End as KILLED a run that was stopped and will not be resumed; a finished one stays so."""
    import mlflow

    if not is_active(run_id):
        return
    end_children(run_id)
    client = mlflow.MlflowClient()
    if client.get_run(run_id).info.status != "FINISHED":
        client.set_terminated(run_id, "KILLED")


def _end(parent: str, condition: str) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    experiment_id = client.get_run(parent).info.experiment_id
    children = f"tags.mlflow.parentRunId = '{parent}' and {condition}"
    for child in client.search_runs([experiment_id], children):
        client.set_terminated(child.info.run_id, "KILLED")
