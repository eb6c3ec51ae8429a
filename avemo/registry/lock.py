"""A lock, so that one process at a time moves a registered model's champion.

MLflow writes an alias or a tag in one row, whole or not at all, but on no condition, so that of two
writers the later wins and nobody notices. Creating a registered model is different. Its name is the
primary key of a table, on SQLite as on PostgreSQL, and the second creation of a name fails. So the
lock is a registered model of its own, `avemo-audio.moving-0`, which exists while the champion is
moved: a moment.

A process that is killed leaves its lock behind. A lock counts as abandoned once its process is
gone, where that can be seen, or after two minutes. Deleting it and creating it anew would be two
steps, and of two processes that do so one might delete the other's new lock. So an abandoned lock
stays, the next in turn is created, `…-1`, again by one process alone, and counts if the one that it
replaces still exists. Who ends deletes all of them, from the first to its own.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AvemoError
from .history import current_user

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["promotion_lock"]

_OWNER, _PROCESS = "avemo.owner", "avemo.process"
_ABANDONED_S = 120


@contextmanager
def promotion_lock(client: "MlflowClient", name: str, root: Path) -> Iterator[None]:
    """Hold the lock of a registered model.

    Args:
        client: of the registry
        name: of the registered model
        root: the project's folder, to tell others who holds the lock

    Raises:
        AvemoError: another process holds it
    """
    from mlflow import MlflowException

    number = 0
    while not _create(client, _lock_name(name, number), root):
        _require_abandoned(client, name, number)
        number += 1
    own_numbers = range(number, number + 1)
    try:
        if number:
            _require_abandoned(client, name, number - 1)
        own_numbers = range(number + 1)
        yield
    finally:
        for own_number in own_numbers:
            # another process may have replaced it, where this one took too long
            with contextlib.suppress(MlflowException):
                client.delete_registered_model(_lock_name(name, own_number))


def _lock_name(name: str, number: int) -> str:
    return f"{name}.moving-{number}"


def _create(client: "MlflowClient", lock: str, root: Path) -> bool:
    """Create the lock; return False where it exists."""
    from mlflow import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

    tags = {_OWNER: current_user(root), _PROCESS: f"{socket.gethostname()} {os.getpid()}"}
    try:
        client.create_registered_model(lock, tags, "held while the champion is moved")
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            return False
        raise
    return True


def _require_abandoned(client: "MlflowClient", name: str, number: int) -> None:
    from mlflow import MlflowException

    try:
        lock = client.get_registered_model(_lock_name(name, number))
    except MlflowException:
        raise AvemoError(
            f"somebody else moved the champion of {name} just now: look at it with "
            f"`avemo registry history {name}`, then try again"
        ) from None
    age_s = time.time() - lock.creation_timestamp / 1000
    host, _, process = lock.tags.get(_PROCESS, "").partition(" ")
    if age_s < _ABANDONED_S and not (host == socket.gethostname() and _has_ended(process)):
        raise AvemoError(
            f"{lock.tags.get(_OWNER, 'somebody')} is moving the champion of {name}, since "
            f"{age_s:.0f} s: look at it with `avemo registry history {name}`, then try again"
        )


def _has_ended(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        pass
    return False
