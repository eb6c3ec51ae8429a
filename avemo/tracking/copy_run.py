"""A run, with all that it holds, from one tracking store to another."""

import tempfile
from typing import Any

from . import store

__all__ = ["deliver"]

#: as many as MLflow takes
_AT_ONCE = 100
#: of the store that a run is in
_OWN = "mlflow.log-model.history"


def deliver(run: Any, source: Any, target: Any, to: str, tags: dict[str, str]) -> str:
    """Make the run again at another store, in the experiment of the same name.

    Params, tags, every value of every metric, dataset inputs, artifacts, times and how it ended.

    Args:
        run: that has ended
        source: client of the store that it is in
        target: client of the other
        to: the other's URI
        tags: more of them, and in place of its own

    Returns:
        its id there
    """
    from mlflow.entities import Param

    name = source.get_experiment(run.info.experiment_id).name
    kept = {key: value for key, value in run.data.tags.items() if key != _OWN} | tags
    made = target.create_run(
        store.named(target, to, name),
        start_time=run.info.start_time,
        tags=kept,
        run_name=run.info.run_name,
    )
    params = [Param(key, value) for key, value in run.data.params.items()]
    values = [
        value
        for name in run.data.metrics
        for value in source.get_metric_history(run.info.run_id, name)
    ]
    for at in range(0, max(len(params), len(values)), _AT_ONCE):
        some = slice(at, at + _AT_ONCE)
        target.log_batch(made.info.run_id, metrics=values[some], params=params[some])
    if run.inputs and run.inputs.dataset_inputs:
        target.log_inputs(made.info.run_id, datasets=run.inputs.dataset_inputs)
    with tempfile.TemporaryDirectory() as temporary:
        source.download_artifacts(run.info.run_id, "", temporary)
        target.log_artifacts(made.info.run_id, temporary)
    target.set_terminated(made.info.run_id, run.info.status, run.info.end_time)
    return str(made.info.run_id)
