"""What must hold of a project and its registries, read from the files and tables themselves.

Nothing here asks MLflow: the checks must not depend on what they check.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from avemo.registry.history import parse_moves
from avemo.tracking.integrity import BYTECODE, CHECKSUMS_TAG, delete_bytecode, find_changes

__all__ = [
    "Version",
    "check_project",
    "check_registry",
    "finished_files",
    "own_files",
    "read_versions",
]

#: that every version has
_TAGS = ("avemo.architecture", "avemo.classes", "avemo.corpus", "avemo.commit", CHECKSUMS_TAG)
#: what the stages before `register` left
_FINISHED = ("data", "features", "results/search", "results/train", "results/evaluation", ".avemo")
#: of the project, what DVC, Git and Python use for themselves
_NOT_OURS = (".dvc", ".git", BYTECODE)
_READY_MODEL = 2


@dataclass(frozen=True)
class Version:
    """A registered version, with all that belongs to it.

    Args:
        model_tags: of its logged model
    """

    name: str
    number: str
    status: str
    run_status: str | None
    folder: Path | None
    tags: dict[str, str]
    model_status: int | None
    model_tags: dict[str, str]

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        title = f"{self.name} version {self.number}"
        if self.status != "READY":
            yield f"{title} is {self.status}"
        if self.run_status is None:
            yield f"{title} has no run"
        if self.model_status != _READY_MODEL:
            yield f"{title} has no logged model that is ready"
        if missing := [tag for tag in _TAGS if tag not in self.tags]:
            yield f"{title} lacks the tags {', '.join(missing)}"
        if self.folder is None or not self.folder.is_dir():
            yield f"{title} has no files"
        elif changes := self._changes(self.folder):
            yield f"{title}: {'; '.join(changes)}"

    def _changes(self, folder: Path) -> list[str]:
        # where the gate opened the version, Python left bytecode of its code
        with tempfile.TemporaryDirectory() as temporary:
            copy = shutil.copytree(folder, Path(temporary, "copy"))
            delete_bytecode(copy)
            return find_changes(copy, self.tags.get(CHECKSUMS_TAG))


def check_registry(database: Path, *, interrupted: bool) -> list[str]:
    """Return what is wrong with a registry.

    Args:
        database: of the store
        interrupted: a command was, and was not run again yet
    """
    with closing(sqlite3.connect(database)) as connection:
        problems = [
            problem for version in read_versions(connection) for problem in version.problems()
        ]
        problems += _check_aliases(connection)
        if not interrupted:
            problems += _check_ended(connection)
    return problems


def read_versions(connection: sqlite3.Connection) -> list[Version]:
    """Return all registered versions of a store; of a deleted one MLflow keeps a row."""
    query = """
        SELECT v.name, v.version, v.status, r.status, m.model_id, m.status, m.artifact_location
        FROM model_versions v
        LEFT JOIN runs r ON r.run_uuid = v.run_id AND r.lifecycle_stage = 'active'
        LEFT JOIN logged_models m
            ON 'models:/' || m.model_id = v.source AND m.lifecycle_stage = 'active'
        WHERE v.current_stage IS NOT 'Deleted_Internal'
        ORDER BY v.name, v.version
    """
    return [
        Version(
            name=name,
            number=str(number),
            status=status,
            run_status=run_status,
            folder=_path(location),
            tags=_tags(connection, "model_version_tags", name=name, version=number),
            model_status=model_status,
            model_tags=_model_tags(connection, model_id),
        )
        for name, number, status, run_status, model_id, model_status, location in (
            connection.execute(query).fetchall()
        )
    ]


def check_project(project: Path, expected: set[Path]) -> list[str]:
    """Return which files are left over in a project, or missing.

    Args:
        expected: those that it has after the command without a fault, relative to the project
    """
    present = own_files(project)
    problems = [f"{file} is left over" for file in sorted(present - expected)]
    problems += [f"{file} is missing" for file in sorted(expected - present)]
    if (project / ".git" / "index.lock").exists():
        problems.append(".git/index.lock is left over")
    return problems


def own_files(project: Path) -> set[Path]:
    """Return the project's files, without those among artifacts, whose names are drawn."""
    return {
        path
        for file in project.rglob("*")
        if not set((path := file.relative_to(project)).parts) & {*_NOT_OURS, "artifacts"}
        and not file.is_dir()
    }


def finished_files(project: Path) -> dict[Path, tuple[int, int, int]]:
    """Return inode, time of change and size of each file that an earlier stage left."""
    files = (file for name in _FINISHED for file in (project / name).rglob("*"))
    return {
        file.relative_to(project): (status.st_ino, status.st_mtime_ns, status.st_size)
        for file in files
        if file.is_file() and (status := file.stat())
    }


def _check_aliases(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield which aliases lead to no version."""
    query = """
        SELECT a.name, a.alias, a.version FROM registered_model_aliases a
        LEFT JOIN model_versions v ON v.name = a.name AND v.version = a.version
        WHERE v.version IS NULL
    """
    for name, alias, number in connection.execute(query):
        yield f"{name}: {alias} is version {number}, which does not exist"


def _check_ended(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what an interrupted command would leave: nothing may be under way."""
    for (name,) in connection.execute("SELECT name FROM registered_models").fetchall():
        if ".moving-" in name:
            yield f"the lock {name} is left over"
            continue
        yield from _check_moves(connection, name)
    for run_id, name in connection.execute(
        "SELECT run_uuid, name FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active'"
    ):
        yield f"the run {name} ({run_id}) is RUNNING, and nobody runs it"
    versions = connection.execute("SELECT source FROM model_versions").fetchall()
    sources = [source for (source,) in versions]
    for (model_id,) in connection.execute(
        "SELECT model_id FROM logged_models WHERE lifecycle_stage = 'active'"
    ).fetchall():
        if sources.count(f"models:/{model_id}") != 1:
            yield f"the logged model {model_id} belongs to no version, or to several"
        if _model_tags(connection, model_id).get("avemo.complete", "true") != "true":
            yield f"the logged model {model_id} is not marked as complete"


def _check_moves(connection: sqlite3.Connection, name: str) -> Iterator[str]:
    moves = parse_moves(_tags(connection, "registered_model_tags", name=name))
    aliases = dict(
        connection.execute(
            "SELECT alias, version FROM registered_model_aliases WHERE name = ?", (name,)
        )
    )
    for move in moves:
        if move.state == "begun":
            yield f"{name}: move {move.number} is begun, and not ended"
    done = [move for move in moves if move.state == "done"]
    if done and str(aliases.get("champion")) != done[-1].target:
        champion = aliases.get("champion")
        yield f"{name}: the champion is {champion}, the last move made it {done[-1].target}"


def _tags(connection: sqlite3.Connection, table: str, **where: object) -> dict[str, str]:
    condition = " AND ".join(f"{column} = ?" for column in where)
    query = f"SELECT key, value FROM {table} WHERE {condition}"
    return dict(connection.execute(query, tuple(where.values())))


def _model_tags(connection: sqlite3.Connection, model_id: str | None) -> dict[str, str]:
    query = "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?"
    return dict(connection.execute(query, (model_id,)))


def _path(uri: str | None) -> Path | None:
    return Path(url2pathname(urlsplit(uri).path)) if uri else None
