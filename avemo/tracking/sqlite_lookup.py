"""The registered versions that URIs name, read from MLflow's SQLite file itself.

MLflow's import takes longer than all the rest of an answer. Where its tables are not those of the
releases that avemo knows, MLflow is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from . import moved

__all__ = ["Question", "StoredVersion", "read_versions"]

_TIMEOUT_S = 5.0
_WORKSPACE = "default"
#: an alias that MLflow computes
_LATEST = "latest"
_BY_ALIAS = """
    SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ? AND workspace = ?
"""
_VERSION = """
    SELECT COALESCE(NULLIF(storage_location, ''), source) FROM model_versions
    WHERE name = ? AND version = ? AND workspace = ? AND current_stage <> 'Deleted_Internal'
"""
_TAGS = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ? AND workspace = ?"


class Question(NamedTuple):
    """What a URI names.

    Args:
        name: of the registered model
        alias: of the version; empty where its number is given
        number: of the version; empty where an alias is given
    """

    name: str
    alias: str
    number: str


class StoredVersion(NamedTuple):
    """A version in the file, see `lookup.Version`."""

    name: str
    number: str
    tags: dict[str, str]
    location: str


def read_versions(file: Path, questions: Iterable[Question]) -> list[StoredVersion | None] | None:
    """Return the version that each question is about, None where there is none.

    Args:
        file: MLflow's database
        questions: about versions

    Returns:
        None where MLflow must be asked
    """
    questions = list(questions)
    if any(question.alias.lower() == _LATEST for question in questions):
        return None
    try:
        uri = f"{file.absolute().as_uri()}?mode=ro"
        folder = file.resolve().parent
        with closing(sqlite3.connect(uri, uri=True, timeout=_TIMEOUT_S)) as database:
            # where the file cannot be written to, its addresses may be of before a move
            former = moved.former_folders(database, folder)
            versions = [_read_version(database, question) for question in questions]
        return [
            version and version._replace(location=moved.relocate(version.location, former, folder))
            for version in versions
        ]
    except sqlite3.Error:
        return None


def _read_version(database: sqlite3.Connection, question: Question) -> StoredVersion | None:
    name, number = question.name, question.number
    if question.alias:
        row = database.execute(_BY_ALIAS, (name, question.alias, _WORKSPACE)).fetchone()
        if row is None:
            return None
        number = str(row[0])
    key = (name, int(number), _WORKSPACE)
    row = database.execute(_VERSION, key).fetchone()
    if row is None:
        return None
    return StoredVersion(name, number, dict(database.execute(_TAGS, key)), row[0] or "")
