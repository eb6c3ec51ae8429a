"""A tracking server's answers, and when MLflow must ask instead."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from avemo.tracking import rest

#: what the server answers, by user: status and body
ANSWERS = {
    "ann": (200, '{"model_version": {"name": "a"}}'),
    "empty": (200, "{}"),
    "missing": (404, '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}'),
    "forbidden": (403, '{"error_code": "PERMISSION_DENIED", "message": "no"}'),
    "unknown": (401, "You are not authenticated."),
    "broken": (500, '{"error_code": "INTERNAL_ERROR", "message": "no"}'),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            user, _, password = base64.b64decode(credentials).decode().partition(":")
            status, body = ANSWERS[user] if password == "secret" else (401, "")
        else:
            status, body = 200, json.dumps({"token": credentials, "path": self.path})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("user", "known"),
    [
        ("ann", True),
        ("empty", True),
        ("missing", True),
        ("forbidden", False),
        ("unknown", False),
        ("broken", False),
    ],
)
def test_what_a_server_answers_a_user(
    address: str, monkeypatch: pytest.MonkeyPatch, user: str, known: bool
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    answer = rest.ask(address, "model-versions/get", name="a", version=1)
    assert answer == (json.loads(ANSWERS[user][1]) if known else None)


def test_a_token_and_the_question(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
    assert rest.ask(address, "registered-models/alias", name="a b", alias="c") == {
        "token": "abc",
        "path": "/api/2.0/mlflow/registered-models/alias?name=a+b&alias=c",
    }


@pytest.mark.parametrize("name", rest._SETTINGS)
def test_mlflow_asks_where_a_setting_takes_more(
    address: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "true")
    assert rest.ask(address, "model-versions/get") is None


def test_nobody_answers() -> None:
    assert rest.ask("http://127.0.0.1:1", "model-versions/get") is None
