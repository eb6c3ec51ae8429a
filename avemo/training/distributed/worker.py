"""One process of a search by several: the chief, or a worker, as Keras Tuner's variables say."""

import time
from pathlib import Path
from typing import Any

from ...allocator import keep_freed_memory
from ...commands import run_stage
from ...errors import AvemoError
from ...modalities import Modality
from ...paths import Project
from ...quiet import import_tensorflow_quietly
from ...settings import Settings
from ...tracking import store
from .process import end_with_starter

__all__ = ["main"]


def main(project: Project, settings: Settings, modality: Modality, scratch: str) -> None:
    """Take part in the search whose scratch folder is given."""
    end_with_starter()
    store.connect(project)
    keep_freed_memory()
    import_tensorflow_quietly()
    from keras_tuner.src.distribute.utils import is_chief_oracle

    take_part = _run_chief if is_chief_oracle() else _run_worker
    take_part(project, settings, modality, Path(scratch))


def _run_chief(project: Project, settings: Settings, modality: Modality, scratch: Path) -> None:
    """Hand out trials until all are finished."""
    from keras_tuner.src.distribute.oracle_chief import start_server

    from ..tuner import Oracle

    oracle = Oracle.from_settings(settings, modality, scratch, workers_survive_restart=True)
    oracle.reload()
    start_server(oracle)


def _run_worker(project: Project, settings: Settings, modality: Modality, scratch: Path) -> None:
    """Run trials until the chief has none to hand out."""
    import mlflow

    from ..objective import create_objective
    from ..task import load_task
    from ..tuner import RUN_ID, create_tuner, scratch_folder

    task = load_task(project, settings, modality)
    if scratch_folder(project, settings, task) != scratch:
        raise AvemoError("settings, data or code changed while they were searched with")
    parent = mlflow.get_run((scratch / RUN_ID).read_text(encoding="utf-8"))
    objective = create_objective(project, settings, task)
    tuner = create_tuner(settings, task, objective, parent, scratch)
    tuner.oracle.stub = _RetryingStub(tuner.oracle.stub)
    tuner.search(on_fit=lambda: None)


class _RetryingStub:
    """A chief's methods over gRPC, called again where it dies before it responds.

    Keras Tuner waits for a chief that has not started yet, but takes the death of one that has for
    a failed trial. The chief's methods may be called twice: the second call changes nothing.

    Args:
        stub: Keras Tuner's
    """

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def __getattr__(self, name: str) -> Any:
        import grpc

        method = getattr(self.stub, name)

        def call(*arguments: Any, **options: Any) -> Any:
            while True:
                try:
                    return method(*arguments, **options)
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
                    time.sleep(1)

        return call


if __name__ == "__main__":
    run_stage(main, "modality", "scratch")
