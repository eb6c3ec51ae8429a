"""Whether a tracking server or an SQL server answers, within seconds."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import urlsplit

__all__ = ["database_problem", "is_responding"]

#: a host is given as long for a connection
_CONNECT_S = 1.5
#: a server that took the connection is given as long for its answer
_ANSWER_S = 5.0
#: the status codes of servers that cannot answer begin here
_SERVER_ERRORS = 500
#: the ports of SQL servers, by the first part of the scheme
_PORTS = {"mssql": 1433, "mysql": 3306, "postgresql": 5432}


def is_responding(uri: str) -> bool:
    """Return whether a tracking server answers; a gateway whose server is away counts as away."""
    import requests

    try:
        response = requests.get(f"{uri.rstrip('/')}/health", timeout=(_CONNECT_S, _ANSWER_S))
    except requests.RequestException:
        return False
    return response.status_code < _SERVER_ERRORS


def database_problem(uri: str) -> str:
    """Return in words why an SQL server cannot be asked, and what to do; empty where it can.

    Args:
        uri: of a store; those of other kinds have no problem
    """
    dialect = urlsplit(uri).scheme.partition("+")[0]
    if dialect not in _PORTS:
        return ""
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(uri)
        url.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        return f"it needs the package {error.name}, which is not installed: pip install it"
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        return f"SQLAlchemy does not take it: {str(error).splitlines()[0]}"
    if not url.host:  # a socket on this machine
        return ""
    port = url.port or _PORTS[dialect]
    with suppress(OSError):
        socket.create_connection((url.host, port), _CONNECT_S).close()
        return ""
    return (
        f"{url.host} does not answer at port {port}: start it, set the variable to where it is, or "
        "unset it for the project's own mlruns/"
    )
