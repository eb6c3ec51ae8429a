"""The MLflow run of a watched folder: counts and shares over time, and the part files."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...io import atomic_write
from ...paths import Project
from ...tracking import store
from .rows import WatchedFile

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["RunLog", "summarise"]

log = logging.getLogger(__name__)

EXPERIMENT = "watch"
_ARTIFACTS = "rows"
#: seconds, and how often after that
_WAITS = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def summarise(files: Collection[WatchedFile]) -> dict[str, float]:
    """Return counts and shares: clips, answered, count_EMOTION, share_unsure, share_finding.

    `share_unsure` is that of the clips with a prediction.
    """
    predictions = [file.row.prediction for file in files]
    answered = [prediction for prediction in predictions if not prediction.finding]
    counts = Counter(prediction.emotion for prediction in answered)
    figures: dict[str, float] = {"clips": len(files), "answered": len(answered)}
    classes = dict.fromkeys(name for prediction in predictions for name in prediction.classes)
    figures |= {f"count_{emotion}": counts[emotion] for emotion in classes}
    if files:
        figures["share_finding"] = 1 - len(answered) / len(files)
    if answered:
        figures["share_unsure"] = sum(prediction.unsure for prediction in answered) / len(answered)
    return figures


class RunLog:
    """One run for a watched folder, however often the watcher is started.

    A tracking server that is away costs nothing: the next update brings all that is missing.

    Args:
        project: whose store it is
        watched: the folder, for the run's name
        output: the folder of the rows, where the run's id is kept
    """

    def __init__(self, project: Project, watched: Path, output: Path) -> None:
        self._project = project
        self._watched = watched
        self._state = output / "run.json"
        self._run_id = ""
        self._delivered: set[str] = set()
        self._clips = -1
        self._warned = False

    def update(self, files: Collection[WatchedFile], parts: Collection[Path]) -> None:
        """Log the figures of all files, and the part files that the run does not have."""
        if len(files) == self._clips and self._delivered.issuperset(part.name for part in parts):
            return
        uri = os.environ[store.TRACKING_URI]
        if store.is_away(uri):  # MLflow would wait for minutes
            self._warn(f"{uri} does not answer")
            return
        import mlflow

        try:
            with _short_waits():
                client = mlflow.MlflowClient()
                self._open(client)
                self._log_metrics(client, files)
                for part in parts:
                    if part.name not in self._delivered:
                        client.log_artifact(self._run_id, str(part), _ARTIFACTS)
                        self._delivered.add(part.name)
            self._clips = len(files)
            self._warned = False
        except (mlflow.MlflowException, OSError) as error:
            self._warn(str(error).splitlines()[0])

    def end(self) -> None:
        """Mark the run as finished; the next watcher opens it again."""
        if self._run_id and not store.is_away(os.environ[store.TRACKING_URI]):
            import mlflow

            try:
                with _short_waits():
                    mlflow.MlflowClient().set_terminated(self._run_id)
            except (mlflow.MlflowException, OSError) as error:
                log.warning(f"avemo: the run stays open: {str(error).splitlines()[0]}")

    def _warn(self, reason: str) -> None:
        """Say once, until it works again, that the run is behind."""
        if not self._warned:
            log.warning(f"avemo: the run in MLflow is brought up to date later: {reason}")
        self._warned = True

    def _open(self, client: MlflowClient) -> None:
        if self._run_id:
            return
        uri = os.environ[store.TRACKING_URI]
        run_id = self._read_run_id(uri)
        if run_id and _is_active(client, run_id):
            client.update_run(run_id, status="RUNNING")
            self._delivered = {
                Path(artifact.path).name for artifact in client.list_artifacts(run_id, _ARTIFACTS)
            }
        else:
            run_id = client.create_run(
                store.experiment_id(self._project, EXPERIMENT),
                run_name=f"watch {self._watched.name}",
                tags={"avemo.watched": str(self._watched)},
            ).info.run_id
            with atomic_write(self._state) as temporary:
                temporary.write_text(json.dumps({"tracking_uri": uri, "run_id": run_id}))
        self._run_id = run_id

    def _read_run_id(self, uri: str) -> str:
        """Return the id that a watcher kept; empty where there is none in this store."""
        try:
            fields = json.loads(self._state.read_text())
            return str(fields["run_id"]) if fields["tracking_uri"] == uri else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _log_metrics(self, client: MlflowClient, files: Collection[WatchedFile]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, len(files)) for name, value in summarise(files).items()]
        client.log_batch(self._run_id, metrics)


@contextmanager
def _short_waits() -> Iterator[None]:
    """Let MLflow wait seconds for a server that hangs, unless the user has set how long.

    Its own minutes would pass without a look at the folder.
    """
    unset = {name: value for name, value in _WAITS.items() if name not in os.environ}
    os.environ |= unset
    try:
        yield
    finally:
        for name in unset:
            del os.environ[name]


def _is_active(client: MlflowClient, run_id: str) -> bool:
    import mlflow

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except mlflow.MlflowException:
        return False
