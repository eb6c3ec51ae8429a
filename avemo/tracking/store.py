"""The tracking store: `mlruns/` here, or what MLflow's own variables name."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AvemoError
from ..paths import Project
from . import rest
from .descriptions import EXPERIMENT_TAGS, EXPERIMENTS

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "DEFAULT",
    "SPOOL",
    "SQLITE",
    "TRACKING_URI",
    "connect",
    "connected",
    "ensure_experiment",
    "experiment_id",
    "is_away",
    "is_reachable",
    "quieten_mlflow",
    "translate_mlflow_errors",
]

log = logging.getLogger(__name__)

TRACKING_URI = "MLFLOW_TRACKING_URI"
DEFAULT = "sqlite:///{root}/mlruns/mlflow.db"
#: what the URI of a SQLite file begins with
SQLITE = "sqlite:///"
#: where runs wait while the tracking server is away
SPOOL = "sqlite:///{root}/mlruns/spool/mlflow.db"

_ANSWER_S = 5


def connect(project: Project, *, spool: bool = True) -> None:
    """Point MLflow at its store. Call before anything else of MLflow's.

    Args:
        spool: where a tracking server does not answer, store runs in `mlruns/spool`, from where
            `avemo runs sync` delivers them

    Raises:
        AvemoError: the tracking server does not answer and there is no spool, or it asks for
            another user
    """
    quieten_mlflow()
    if TRACKING_URI not in os.environ:
        (project.root / "mlruns").mkdir(exist_ok=True)
        os.environ[TRACKING_URI] = DEFAULT.format(root=project.root)
    elif os.environ[TRACKING_URI].startswith(("http://", "https://")):
        _require_server(project, spool)


@contextmanager
def connected(project: Project, *, spool: bool = True) -> Iterator[None]:
    """Connect for the block; the environment names the same store after it as before.

    Args:
        project: whose store it is, unless the environment names one
        spool: as `connect` takes it
    """
    named = os.environ.get(TRACKING_URI)
    connect(project, spool=spool)
    try:
        yield
    finally:
        if named is None:
            os.environ.pop(TRACKING_URI, None)
        else:
            os.environ[TRACKING_URI] = named


def quieten_mlflow() -> None:
    """Set the variables by which MLflow neither calls home nor says what avemo says itself."""
    # without a network the call home costs time
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    # the stages say themselves what they logged and registered
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # a run id in the environment would take the place of each run that a stage starts
    os.environ.pop("MLFLOW_RUN_ID", None)


@contextmanager
def translate_mlflow_errors() -> Iterator[None]:
    """Turn a tracking server's refusal into a sentence.

    Raises:
        AvemoError: it does not know the user, does not permit the request, or is gone
    """
    import mlflow

    try:
        yield
    except mlflow.MlflowException as error:
        uri = mlflow.get_tracking_uri()
        text, code = str(error), error.error_code
        if code == "UNAUTHENTICATED" or "error code 401" in text:
            raise AvemoError(
                f"{uri} does not know you: set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD to your name and password there"
            ) from None
        if code == "PERMISSION_DENIED" or "error code 403" in text:
            raise AvemoError(
                f"{uri} does not let you do that: ask who runs it for the permission"
            ) from None
        if "API request to" in text and "Max retries" in text:
            raise AvemoError(f"{uri} does not answer any more: try again later") from None
        raise


def experiment_id(project: Project, modality: str) -> str:
    """Return the id of `avemo/MODALITY`, which is created where it is missing."""
    import mlflow

    client, uri = mlflow.MlflowClient(), os.environ[TRACKING_URI]
    if uri == DEFAULT.format(root=project.root):
        _delete_empty_default(client)
    return ensure_experiment(client, uri, f"avemo/{modality}")


def ensure_experiment(client: "MlflowClient", uri: str, name: str) -> str:
    """Return the id of an experiment, which is created where it is missing.

    SQLite has its artifacts beside it.

    Args:
        client: of the store
        uri: the store's
        name: the experiment's
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    artifacts = None
    if uri.startswith(SQLITE):
        folder = Path(uri.removeprefix(SQLITE)).resolve().parent
        artifacts = (folder / "artifacts" / name.removeprefix("avemo/")).as_uri()
    tags = dict(EXPERIMENT_TAGS)
    if description := EXPERIMENTS.get(name.removeprefix("avemo/")):
        tags["mlflow.note.content"] = description
    return str(client.create_experiment(name, artifact_location=artifacts, tags=tags))


def _delete_empty_default(client: "MlflowClient") -> None:
    """Delete the experiment `Default`, which MLflow makes in every new store, if nobody uses it."""
    from mlflow.entities import ViewType

    default = client.get_experiment_by_name("Default")
    if default is None or default.lifecycle_stage != "active":
        return
    ids = [default.experiment_id]
    if client.search_runs(ids, run_view_type=ViewType.ALL, max_results=1):
        return
    if not client.search_logged_models(ids, max_results=1):
        client.delete_experiment(default.experiment_id)


def _require_server(project: Project, spool: bool) -> None:
    """Refuse a server that does not answer, or store runs in the spool instead."""
    uri = os.environ[TRACKING_URI]
    if is_reachable(uri):
        if rest.ask(uri, "registered-models/search", max_results=1) is not None:
            return
        import mlflow  # which says what is wrong

        with translate_mlflow_errors():
            mlflow.MlflowClient().search_experiments(max_results=1)
        return
    if not spool:
        raise AvemoError(
            f"the tracking server at {uri} does not answer: start it, or set {TRACKING_URI} to "
            "where it is"
        )
    (project.root / "mlruns" / "spool").mkdir(parents=True, exist_ok=True)
    os.environ[TRACKING_URI] = SPOOL.format(root=project.root)
    log.warning(
        f"avemo: the tracking server at {uri} does not answer: the run is kept in mlruns/spool; "
        "deliver it with `avemo runs sync` once the server is back"
    )


def is_away(uri: str) -> bool:
    """Return whether a store is a tracking server that does not answer."""
    return uri.startswith("http") and not is_reachable(uri)


def is_reachable(uri: str) -> bool:
    """Return whether a tracking server answers within a few seconds."""
    import requests

    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=_ANSWER_S)
    except requests.RequestException:
        return False
    return True
