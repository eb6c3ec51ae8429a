"""The address of a tracking store: what MLFLOW_TRACKING_URI may be, and the file of a SQLite store.

What cannot be a store is refused before MLflow sees it, because MLflow tries a database that does
not open for 100 seconds, and a server for longer.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ..errors import AvemoError

__all__ = ["TRACKING_URI", "check_address", "hide_password", "sqlite_file", "sqlite_uri"]

TRACKING_URI = "MLFLOW_TRACKING_URI"

_SQLITE = "sqlite:///"
#: names SQLAlchemy's driver, too: MLflow takes the path after `sqlite:///` as it stands, and makes
#: its folder, where SQLAlchemy reads `%2F` as a slash
_SQLITE_QUOTED = "sqlite+pysqlite:///"
_HEADER = b"SQLite format 3\0"
#: each of these is a whole address, too
_DATABRICKS = ("databricks", "databricks-uc", "uc")
_SERVERS = ("http", "https", *_DATABRICKS)
_DATABASES = ("mssql", "mysql", "postgresql", "sqlite")
_PLUGINS = "mlflow.tracking_store"
_EXPECTED = (
    "set it to sqlite:////FOLDER/mlflow.db or http://SERVER:5000, or unset it for the project's "
    "own mlruns/"
)


def sqlite_uri(file: Path) -> str:
    """Return the address of a SQLite store, whatever characters its path has.

    Args:
        file: absolute path of the database
    """
    path = str(file)
    if not {"%", "?"} & set(path):
        return f"{_SQLITE}{path}"
    return _SQLITE_QUOTED + path.replace("%", quote("%")).replace("?", quote("?"))


def sqlite_file(uri: str) -> Path | None:
    """Return the database of a SQLite store; None for the address of another store."""
    scheme, _, rest = uri.partition(":///")
    if scheme.partition("+")[0] != "sqlite":
        return None
    return Path(unquote(rest.partition("?")[0]))


def hide_password(uri: str) -> str:
    """Return an address as messages show it."""
    parts = urlsplit(uri)
    if not parts.password:
        return uri
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()


def check_address(uri: str, name: str = TRACKING_URI) -> None:
    """Refuse what cannot be the address of a tracking store.

    Args:
        uri: the address
        name: of the variable or option that holds it, for the message

    Raises:
        AvemoError: it is empty, has no scheme or an unknown one, is a folder, or names a SQLite
            file that does not open
    """
    if not uri.strip():
        raise AvemoError(f"{name} is empty: {_EXPECTED}")
    scheme = urlsplit(uri).scheme.lower() if "://" in uri or uri.startswith("file:") else ""
    dialect = scheme.partition("+")[0]
    if uri in _DATABRICKS:
        return
    if not scheme:
        raise AvemoError(f"{name} is {uri!r}, which has no scheme: {_EXPECTED}")
    if scheme == "file":
        raise AvemoError(
            f"{name} is {uri!r}, a folder of files, which MLflow 3 keeps no models in: {_EXPECTED}"
        )
    if file := sqlite_file(uri):
        _check_database(file, uri, name)
    elif dialect == "sqlite":
        raise AvemoError(f"{name} is {uri!r}: three slashes come before the path: {_EXPECTED}")
    elif dialect not in (*_SERVERS, *_DATABASES):
        _require_plugin(scheme, uri, name)


def _check_database(file: Path, uri: str, name: str) -> None:
    """Refuse a SQLite file that does not open."""
    place = f"{name} is {hide_password(uri)}"
    if str(file) in (".", ":memory:"):
        raise AvemoError(f"{place}: a database in memory is gone with the process: {_EXPECTED}")
    try:
        if file.exists():
            with file.open("rb") as stream:
                header = stream.read(len(_HEADER))
            if header and header != _HEADER:
                raise AvemoError(f"{place}: {file} is no SQLite database: {_EXPECTED}")
            return
    except OSError as error:
        raise AvemoError(f"{place}: {file} does not open ({error.strerror}): {_EXPECTED}") from None
    if not file.parent.is_dir():
        raise AvemoError(f"{place}: there is no folder {file.parent}: make it; or {_EXPECTED}")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise AvemoError(f"{place}: {file.parent} cannot be written to: {_EXPECTED}")


def _require_plugin(scheme: str, uri: str, name: str) -> None:
    """Refuse a scheme that neither MLflow nor a plugin of it knows."""
    if scheme not in {plugin.name for plugin in entry_points(group=_PLUGINS)}:
        raise AvemoError(
            f"{name} is {hide_password(uri)}: MLflow knows no scheme {scheme}: {_EXPECTED}"
        )
