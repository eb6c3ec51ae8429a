"""One process of a search by several: the chief, or a worker, as Keras Tuner's variables say."""

import time
from pathlib import Path
from typing import Any

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
    """Take part in the search that stands in a scratch folder."""
    end_with_starter()
    store.connect(project)
    import_tensorflow_quietly()
    from keras_tuner.src.distribute.utils import is_chief_oracle

    take_part = _chief if is_chief_oracle() else _worker
    take_part(project, settings, modality, Path(scratch))


def _chief(project: Project, settings: Settings, modality: Modality, scratch: Path) -> None:
    """Hand out trials until there are none left, and nobody runs one."""
    from keras_tuner.src.distribute.oracle_chief import start_server

    from ..tuner import Oracle

    oracle = Oracle.of(settings, modality, scratch, outlived=True)
    oracle.reload()
    start_server(oracle)


def _worker(project: Project, settings: Settings, modality: Modality, scratch: Path) -> None:
    """Run trials until there are none left."""
    import mlflow

    from ..objective import judge
    from ..search import NOTE, scratch_of, tuner_of
    from ..task import task

    gathered = task(project, settings, modality)
    if scratch_of(project, settings, gathered) != scratch:
        raise AvemoError("settings, data or code changed while they were searched with")
    parent = mlflow.get_run((scratch / NOTE).read_text(encoding="utf-8"))
    tuner = tuner_of(settings, gathered, judge(project, settings, gathered), parent, scratch)
    tuner.oracle.stub = _Patient(tuner.oracle.stub)
    tuner.search(show=lambda: None)


class _Patient:
    """A chief's methods, called again where it dies before it answers.

    Keras Tuner waits for a chief that is not there yet, but takes one that dies while it answers
    for a trial that failed. Its methods may be called twice: what was done once stays so.
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
