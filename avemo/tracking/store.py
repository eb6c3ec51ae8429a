"""The tracking store: `mlruns/` here, or what MLflow's own variables name."""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..cache import temporary_folder
from ..errors import AvemoError
from ..paths import Project
from ..terminal import SlowNotice
from . import reach, rest
from .address import TRACKING_URI, check_address, hide_password, sqlite_file, sqlite_uri
from .descriptions import EXPERIMENT_TAGS, EXPERIMENTS
from .moved import ARTIFACTS, follow_move

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "CONNECTED",
    "TRACKING_URI",
    "connect",
    "connected",
    "default_uri",
    "ensure_experiment",
    "experiment_id",
    "is_away",
    "locate",
    "named_uri",
    "open_store",
    "quieten_mlflow",
    "spool_uri",
    "translate_mlflow_errors",
]

log = logging.getLogger(__name__)

#: in the environment, for child processes too: the address that avemo set in `TRACKING_URI`, and
#: the one that stood there before, or null, as a list in JSON
CONNECTED = "AVEMO_CONNECTED"
#: seconds before a line says which server is being waited for
_NOTICE_S = 1.0


def default_uri(project: Project) -> str:
    """Return the address of a project's own store."""
    return sqlite_uri(project.tracking / "mlflow.db")


def spool_uri(project: Project) -> str:
    """Return the address of the store where runs wait while the tracking server is away."""
    return sqlite_uri(project.tracking / "spool" / "mlflow.db")


def connect(project: Project, *, spool: bool = True) -> None:
    """Point MLflow at its store. Call before anything else of MLflow's.

    Args:
        spool: where a tracking server does not answer, store runs in `mlruns/spool`, from where
            `avemo runs sync` delivers them

    Raises:
        AvemoError: there can be no store at the address, the tracking server does not answer and
            there is no spool, or it asks for another user
    """
    quieten_mlflow()
    uri = locate(project)
    if uri.startswith("http"):
        _require_server(project, uri, spool)
    elif problem := reach.database_problem(uri):
        raise AvemoError(f"{TRACKING_URI} is {hide_password(uri)}: {problem}")


def locate(project: Project | None) -> str:
    """Return the address of the store that is set, or set it to the project's own.

    Args:
        project: None where the address must be set

    Raises:
        AvemoError: there can be no store at the address
    """
    _forget_artifact_folders()
    uri = named_uri(project)
    if uri is None and project is not None:
        _make_folder(project)
        uri = default_uri(project)
        _set_uri(uri, None)
    elif uri is not None:
        os.environ[TRACKING_URI] = uri
    return open_store(uri or "")


def named_uri(project: Project | None) -> str | None:
    """Return the address that `TRACKING_URI` holds, unless avemo set it for another project.

    Args:
        project: whose store is looked for

    Returns:
        None where nobody named a store
    """
    uri = os.environ.get(TRACKING_URI)
    set_uri, named = json.loads(os.environ.get(CONNECTED, "[null, null]"))
    own = (default_uri(project), spool_uri(project)) if project else ()
    return named if uri == set_uri and uri not in own else uri


def _forget_artifact_folders() -> None:
    """Let MLflow ask the store again where the files of a run or model are.

    It remembers that by the id alone, which a copied project has too: what it logs to the copy
    would be written into the original.
    """
    utils = sys.modules.get("mlflow.tracking._tracking_service.utils")
    if utils is not None:
        utils._artifact_repos_cache.clear()


def _set_uri(uri: str, named: str | None) -> None:
    """Let `TRACKING_URI` hold a project's own address, and note which one was named there."""
    os.environ[TRACKING_URI] = uri
    os.environ[CONNECTED] = json.dumps([uri, named])


def open_store(uri: str, name: str = TRACKING_URI) -> str:
    """Check the address of a store, and let the addresses in a SQLite store follow it.

    Args:
        uri: the address
        name: of the variable or option that holds it, for messages

    Raises:
        AvemoError: there can be no store at the address
    """
    check_address(uri, name)
    if file := sqlite_file(uri):
        follow_move(file)
    return uri


@contextmanager
def connected(project: Project, *, spool: bool = True) -> Iterator[None]:
    """Connect for the block; the environment names the same store after it as before.

    Args:
        project: whose store it is, unless the environment names one
        spool: as `connect` takes it
    """
    before = {name: os.environ.get(name) for name in (TRACKING_URI, CONNECTED)}
    connect(project, spool=spool)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _forget_artifact_folders()


def quieten_mlflow() -> None:
    """Set the variables by which MLflow neither calls home nor says what avemo says itself."""
    # without a network the call home costs time
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    # the stages say themselves what they logged and registered
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # and whoever asked for it says what failed, where MLflow would print the traceback besides
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # a user without a name or a home, such as a container's: MLflow's import ends without one
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(temporary_folder())
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
        uri = hide_password(mlflow.get_tracking_uri())
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
        if known := re.search(r"failed with error code (\d+)|not in a valid JSON format", text):
            answer = f"error code {known[1]}" if known[1] else "no JSON"
            raise AvemoError(
                f"{uri} answers, but not as MLflow's server does ({answer}): set {TRACKING_URI} to "
                "the address of that"
            ) from None
        raise


def experiment_id(project: Project, modality: str) -> str:
    """Return the id of `avemo/MODALITY`, which is created where it is missing."""
    import mlflow

    client, uri = mlflow.MlflowClient(), os.environ[TRACKING_URI]
    if uri == default_uri(project):
        _delete_empty_default(client)
    return ensure_experiment(client, uri, f"avemo/{modality}")


def ensure_experiment(client: "MlflowClient", uri: str, name: str) -> str:
    """Return the id of an experiment, which is created where it is missing.

    SQLite has its artifacts beside it.

    Args:
        client: of the store
        uri: the store's
        name: the experiment's

    Raises:
        AvemoError: somebody deleted it
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        if experiment.lifecycle_stage != "active":
            raise AvemoError(
                f"the experiment {name} was deleted at {hide_password(uri)}: bring it back with "
                f"`avemo runs restore {name}`"
            )
        return str(experiment.experiment_id)
    artifacts = None
    if file := sqlite_file(uri):
        folder = file.resolve().parent
        artifacts = (folder / ARTIFACTS / name.removeprefix("avemo/")).as_uri()
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


def _make_folder(project: Project) -> None:
    """Make the folder of the project's own store.

    Raises:
        AvemoError: it cannot be made
    """
    try:
        project.tracking.mkdir(exist_ok=True)
    except OSError as error:
        raise AvemoError(
            f"{project.tracking} cannot be made ({error.strerror}): make the project writable, or "
            f"set {TRACKING_URI} to a store elsewhere"
        ) from None


def _require_server(project: Project, uri: str, spool: bool) -> None:
    """Refuse a server that does not answer, or store runs in the spool instead."""
    shown = hide_password(uri)
    with SlowNotice(_NOTICE_S) as notice:
        notice.begin(f"waiting for the tracking server that {TRACKING_URI} names, {shown}")
        is_there = reach.is_responding(uri)
    if is_there:
        if rest.ask(uri, "registered-models/search", max_results=1) is not None:
            return
        import mlflow  # which says what is wrong

        with translate_mlflow_errors():
            mlflow.MlflowClient().search_experiments(max_results=1)
        return
    if not spool:
        raise AvemoError(
            f"the tracking server at {shown} does not answer: start it, or set {TRACKING_URI} to "
            "where it is"
        )
    (project.tracking / "spool").mkdir(parents=True, exist_ok=True)
    _set_uri(open_store(spool_uri(project)), uri)
    log.warning(
        f"avemo: the tracking server at {shown} does not answer: the run is kept in mlruns/spool; "
        "deliver it with `avemo runs sync` once the server is back"
    )


def is_away(uri: str) -> bool:
    """Return whether a store is a tracking server that does not answer."""
    return uri.startswith("http") and not reach.is_responding(uri)
