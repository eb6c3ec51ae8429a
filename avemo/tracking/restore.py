"""What was deleted in MLflow's UI and is not erased yet, brought back."""

from typing import TYPE_CHECKING

from ..errors import AvemoError
from .address import hide_password
from .runs import find_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["restore"]


def restore(deleted: str) -> str:
    """Bring back a run or an experiment, and return in words what was done.

    Args:
        deleted: a run's id, or an experiment's name; a run's experiment comes back with it

    Raises:
        AvemoError: the tracking store has neither
    """
    import mlflow

    client = mlflow.MlflowClient()
    if experiment := client.get_experiment_by_name(deleted):
        if experiment.lifecycle_stage == "active":
            return f"the experiment {deleted} is not deleted"
        client.restore_experiment(experiment.experiment_id)
        return f"the experiment {deleted} is back, with its runs"
    run = find_run(deleted)
    if run is None:
        raise AvemoError(
            f"{hide_password(mlflow.get_tracking_uri())} has no run and no experiment {deleted!r}: "
            "a run's id or an experiment's name is expected; what `mlflow gc` erased is gone"
        )
    info = run.info
    was_active = info.lifecycle_stage == "active"
    _restore_experiment(client, info.experiment_id)
    if was_active:
        return f"the run {deleted} is not deleted"
    client.restore_run(deleted)
    return f"the run {deleted} ({info.run_name}) is back"


def _restore_experiment(client: "MlflowClient", experiment_id: str) -> None:
    if client.get_experiment(experiment_id).lifecycle_stage != "active":
        client.restore_experiment(experiment_id)
