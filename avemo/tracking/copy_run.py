"""A run, with all that it holds, from one tracking store to another."""

import tempfile
from typing import TYPE_CHECKING

from . import store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["copy_run"]

#: as many as MLflow takes in one call
_BATCH_SIZE = 100
#: a tag about the store that a run is in
_STORE_TAG = "mlflow.log-model.history"


def copy_run(
    run: "Run",
    source: "MlflowClient",
    target: "MlflowClient",
    target_uri: str,
    tags: dict[str, str],
) -> str:
    """Copy a run to another store, into the experiment of the same name, and return its id there.

    Params, tags, every value of every metric, dataset inputs, artifacts, times and status.

    Args:
        run: that has ended
        source: client of the store that it is in
        target: client of the other store
        target_uri: the other store's
        tags: more of them, and in place of its own
    """
    from mlflow.entities import Param

    name = source.get_experiment(run.info.experiment_id).name
    copy = target.create_run(
        store.ensure_experiment(target, target_uri, name),
        start_time=run.info.start_time,
        tags={key: value for key, value in run.data.tags.items() if key != _STORE_TAG} | tags,
        run_name=run.info.run_name,
    )
    copy_id = str(copy.info.run_id)
    params = [Param(key, value) for key, value in run.data.params.items()]
    metrics = [
        value
        for name in run.data.metrics
        for value in source.get_metric_history(run.info.run_id, name)
    ]
    for start in range(0, max(len(params), len(metrics)), _BATCH_SIZE):
        batch = slice(start, start + _BATCH_SIZE)
        target.log_batch(copy_id, metrics=metrics[batch], params=params[batch])
    if run.inputs and run.inputs.dataset_inputs:
        target.log_inputs(copy_id, datasets=run.inputs.dataset_inputs)
    with tempfile.TemporaryDirectory() as temporary:
        source.download_artifacts(run.info.run_id, "", temporary)
        target.log_artifacts(copy_id, temporary)
    target.set_terminated(copy_id, run.info.status, run.info.end_time)
    return copy_id
