"""One at a time moves a registered model's champion.

What MLflow offers for that: setting an alias or a tag writes one row, whole or not at all, but
nothing that it can be conditional on, so that of two writers the later wins unseen. Creating a
registered model is different. Its name is the primary key of a table, on SQLite as on PostgreSQL,
and whoever comes second is told that it exists. So a claim is a registered model of its own,
`avemo-audio.moving-0`, that is there while the champion is moved, which takes a moment.

Who is killed leaves the claim behind. It counts as abandoned once its process is gone, where that
can be seen, or after two minutes. Deleting it and creating it anew would be two steps, and of two
that do so one might delete the other's new claim. So an abandoned claim stays, the next in turn is
created, `…-1`, again by one alone, and counts if what it replaces is still there. Who ends deletes
them from the first to its own.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import AvemoError
from .history import who

__all__ = ["held"]

_OWNER, _PROCESS = "avemo.owner", "avemo.process"
_ABANDONED_S = 120


@contextmanager
def held(client: Any, name: str, root: Path) -> Iterator[None]:
    """Hold the claim.

    Args:
        name: of the registered model
        root: the project's folder, to tell others who holds it

    Raises:
        AvemoError: somebody else does
    """
    place = 0
    while not _created(client, _claim(name, place), root):
        _require_abandoned(client, name, place)
        place += 1
    own = range(place, place + 1)
    try:
        if place:
            _require_abandoned(client, name, place - 1)
        own = range(place + 1)
        yield
    finally:
        for each in own:
            # somebody may have replaced it, where this one took too long
            with contextlib.suppress(_mlflow().MlflowException):
                client.delete_registered_model(_claim(name, each))


def _claim(name: str, place: int) -> str:
    return f"{name}.moving-{place}"


def _created(client: Any, claim: str, root: Path) -> bool:
    from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

    tags = {_OWNER: who(root), _PROCESS: f"{socket.gethostname()} {os.getpid()}"}
    try:
        client.create_registered_model(claim, tags, "held while the champion is moved")
    except _mlflow().MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            return False
        raise
    return True


def _require_abandoned(client: Any, name: str, place: int) -> None:
    try:
        found = client.get_registered_model(_claim(name, place))
    except _mlflow().MlflowException:
        raise AvemoError(
            f"somebody else moved the champion of {name} just now: look at it with "
            f"`avemo registry history {name}`, then try again"
        ) from None
    age = time.time() - found.creation_timestamp / 1000
    host, _, process = found.tags.get(_PROCESS, "").partition(" ")
    if age < _ABANDONED_S and not (host == socket.gethostname() and _gone(process)):
        raise AvemoError(
            f"{found.tags.get(_OWNER, 'somebody')} is moving the champion of {name}, since "
            f"{age:.0f} s: look at it with `avemo registry history {name}`, then try again"
        )


def _gone(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        pass
    return False


def _mlflow() -> Any:
    import mlflow

    return mlflow
