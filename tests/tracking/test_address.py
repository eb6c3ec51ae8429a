"""An address that cannot be a store's is refused at once, in a line that names the variable."""

import socket
import time
from pathlib import Path

import pytest
import sqlalchemy
from helpers.registered_versions import new_project
from hypothesis import given
from hypothesis import strategies as st

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.tracking import address, reach, store

#: as they come from a mistyped setting, and what the line says of each
REFUSED = {
    "empty": ("", "MLFLOW_TRACKING_URI is empty"),
    "blank": ("  ", "MLFLOW_TRACKING_URI is empty"),
    "no scheme": ("localhost:5000", "which has no scheme"),
    "a path": ("/srv/mlruns", "which has no scheme"),
    "a file store": ("file:///srv/mlruns", "a folder of files"),
    "unknown": ("htp://localhost:5000", "MLflow knows no scheme htp"),
    "two slashes": ("sqlite://srv/mlflow.db", "three slashes come before the path"),
    "no folder": ("sqlite:////srv/none/mlflow.db", "there is no folder /srv/none"),
    "a folder": ("sqlite:////tmp", "does not open"),
    "in memory": ("sqlite:///:memory:", "in memory is gone"),
    "no database": (f"sqlite:///{__file__}", "is no SQLite database"),
    "nobody there": ("http://127.0.0.1:1", "does not answer"),
    "no such host": ("http://mlflow.invalid", "does not answer"),
    "no driver": ("postgresql+nothing://127.0.0.1:1/mlflow", "SQLAlchemy does not take it"),
}


@pytest.mark.parametrize(("uri", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", [["registry", "history"], ["predict", "a.wav"], ["status"]])
def test_one_line_says_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    uri: str,
    reason: str,
) -> None:
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path).root))
    monkeypatch.setenv(store.TRACKING_URI, uri)
    if command == ["status"]:
        (tmp_path / "data/catalogue.parquet").unlink()  # it has one row, and few columns
    start = time.monotonic()
    assert main(command) == 1
    assert time.monotonic() - start < 10  # MLflow tries for 100 s
    out, err = capsys.readouterr()
    (line,) = [line for line in (out + err).splitlines() if not line.endswith("…")]
    assert reason in line
    assert store.TRACKING_URI in line


def test_a_server_that_takes_the_connection_alone_is_named_while_it_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reach, "_ANSWER_S", 1.0)
    monkeypatch.setattr(store, "_NOTICE_S", 0.1)
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path).root))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv(store.TRACKING_URI, uri)
        assert main(["registry", "history"]) == 1
    first, last = capsys.readouterr().err.splitlines()
    waiting = f"waiting for the tracking server that {store.TRACKING_URI} names, {uri} …"
    assert first == f"avemo: {waiting}"
    assert f"{uri} does not answer: start it" in last


def test_an_sql_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dialect:
        def import_dbapi(self) -> None:
            """The driver is there."""

    monkeypatch.setattr(sqlalchemy.URL, "get_dialect", lambda url: Dialect())
    problem = reach.database_problem("postgresql://user:secret@127.0.0.1:1/mlflow")
    assert problem.startswith("127.0.0.1 does not answer at port 1")
    assert reach.database_problem("postgresql:///mlflow") == ""  # by a socket


def test_a_password_is_in_no_message() -> None:
    assert address.hide_password("http://a:secret@host:5000/x") == "http://a:***@host:5000/x"
    with pytest.raises(AvemoError) as error:
        address.check_address("mongo://a:secret@host/x")
    assert "secret" not in str(error.value)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_path_is_an_address(name: str) -> None:
    file = Path("/folder") / name / "mlflow.db"
    uri = address.sqlite_uri(file)
    assert address.sqlite_file(uri) == file
    if "\n" not in name:  # which SQLAlchemy's pattern takes for the end
        assert sqlalchemy.make_url(uri).database == str(file)
    assert uri.startswith("sqlite+pysqlite:") == bool({"%", "?"} & set(name))
