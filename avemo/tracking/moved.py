"""A SQLite store whose folder was moved, renamed or copied: its addresses follow.

MLflow keeps the absolute address of the artifacts of each experiment, run, model and version. avemo
has them beside the database, in `artifacts/`. So where an experiment's address names another
folder, the database was moved or copied, and its addresses are rewritten to the folder that it is
in: a copy then reads and writes its own files, never the original's.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Set
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..errors import AvemoError
from .descriptions import EXPERIMENTS

__all__ = ["ARTIFACTS", "follow_move", "former_folders", "local_path", "relocate"]

log = logging.getLogger(__name__)

#: the folder beside the database, with one folder for each experiment
ARTIFACTS = "artifacts"
_TIMEOUT_S = 5.0
_EXPERIMENTS = "SELECT name, artifact_location FROM experiments"
#: where MLflow keeps addresses
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_move(database: Path) -> None:
    """Rewrite the addresses of a store that was moved or copied, in one transaction.

    Args:
        database: of the store; where there is none, or not MLflow's tables, nothing is done

    Raises:
        AvemoError: the database was copied without its artifacts
    """
    folder = database.resolve().parent
    try:
        with closing(_open(database, "ro")) as connection:
            former = former_folders(connection, folder)
    except sqlite3.Error:  # there is no such file or table, or MLflow says what is wrong
        return
    if not former:
        return
    for other in sorted(former):
        if (other / ARTIFACTS).is_dir() and not (folder / ARTIFACTS).is_dir():
            raise AvemoError(
                f"{database} was copied without the files that it names, which are in "
                f"{other / ARTIFACTS}: copy that folder too, to {folder / ARTIFACTS}, or delete "
                f"{database}"
            )
    names = " and ".join(map(str, sorted(former)))
    try:
        with closing(_open(database, "rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            # another process may have been first
            count = _rewrite(connection, former_folders(connection, folder), folder)
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        log.warning(
            f"avemo: {database} was moved from {names}, and cannot be written to ({error}): models "
            "answer; for all else make it writable once, and run `avemo status`"
        )
        return
    if count:
        log.warning(
            f"avemo: {folder} was {names} before, when it was moved or copied: {count} addresses "
            "in mlflow.db now name the files in it"
        )


def former_folders(connection: sqlite3.Connection, folder: Path) -> set[Path]:
    """Return the folders that a store's addresses name instead of its own.

    Args:
        connection: to the database
        folder: that the database is in, resolved
    """
    folders = set()
    for name, location in connection.execute(_EXPERIMENTS):
        path = local_path(location)
        if path is None or path.parent.name != ARTIFACTS:
            continue
        if path.name in {str(name).removeprefix("avemo/"), *EXPERIMENTS}:
            folders.add(path.parents[1])
    return {other for other in folders if other != folder and not _is_same(other, folder)}


def relocate(location: str, former: Set[Path], folder: Path) -> str:
    """Return an address with the folder that the store is in now.

    Args:
        location: URI or path of a file or folder
        former: folders that the store was in
        folder: that it is in
    """
    path = local_path(location)
    for other in former:
        if path and path.is_relative_to(other):
            new = folder / path.relative_to(other)
            return new.as_uri() if location.startswith("file:") else str(new)
    return location


def local_path(location: str | None) -> Path | None:
    """Return the path that an address names; None where it is on no disk, or relative."""
    if not location:
        return None
    if location.startswith("file:"):
        return Path(url2pathname(urlsplit(location).path))
    return Path(location) if location.startswith("/") else None


def _rewrite(connection: sqlite3.Connection, former: Set[Path], folder: Path) -> int:
    """Rewrite the addresses that name a former folder, and return how many these were."""
    changes = [
        (table, column, new, row)
        for table, column in _COLUMNS
        for row, location in _addresses(connection, table, column)
        if (new := relocate(location, former, folder)) != location
    ]
    for table, column, new, row in changes:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))
    return len(changes)


def _addresses(
    connection: sqlite3.Connection, table: str, column: str
) -> Iterator[tuple[int, str]]:
    yield from connection.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} <> ''")


def _open(database: Path, mode: str) -> sqlite3.Connection:
    uri = f"{database.absolute().as_uri()}?mode={mode}"
    # no transaction but those that are begun here
    return sqlite3.connect(uri, uri=True, timeout=_TIMEOUT_S, isolation_level=None)


def _is_same(folder: Path, other: Path) -> bool:
    """Return whether two paths lead to one folder, such as by a link or a mount."""
    try:
        return folder.samefile(other)
    except OSError:
        return False
