"""What answers at MLFLOW_TRACKING_URI and is no MLflow server is told in a sentence."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from helpers.registered_versions import new_project

from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.tracking import store


class _Server(HTTPServer):
    status, body = 200, b""


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(store.TRACKING_URI, f"http://user:secret@127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("other") / "project")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, b"", "not as MLflow's server does (error code 404)"),
        (200, b"<html>a page</html>", "not as MLflow's server does"),
        (407, b"proxy", "not as MLflow's server does (error code 407)"),
        (502, b"bad gateway", "does not answer"),
        (503, b"", "does not answer"),
    ],
)
def test_another_server(
    server: _Server, project: Project, status: int, body: bytes, words: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(AvemoError) as caught:
        store.connect(project, spool=False)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
