"""A timeline's lines come back as the file that the writers make, whatever else a client sends."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from helpers.timelines import ROWS

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.serving.app import create_app
from avemo.serving.asgi import App
from avemo.serving.exports import FORMATS, ExportContext, export_chunks
from avemo.serving.service import Service, ServiceConfig
from avemo.settings import Serving

HEAD: dict[str, Any] = {
    "model": {"name": "avemo-fused", "version": "3"},
    "classes": list(EMOTIONS),
    "window": 3.0,
    "hop": 1.0,
    "file": "an interview.mp4",
}
LINES = [HEAD, *(row.to_dict() for row in ROWS), {"end": True, "duration": 5.0, "rows": len(ROWS)}]
ROW = ROWS[0].to_dict()


@pytest.fixture(scope="module")
def app() -> App:
    serving = Serving(purpose="a test", max_json_mb=1.0)
    return create_app(Service(ServiceConfig("avemo-fused", "champion", serving, workers=1)))


def post(app: App, format: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer."""
    sent: list[MutableMapping[str, Any]] = []
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": f"/v1/export/{format}",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", str(len(body)).encode())],
    }

    async def answer() -> None:
        await app(scope, receive, send)

    asyncio.run(answer())
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], headers, content


def lines(*records: object) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


@pytest.mark.parametrize("format", FORMATS)
def test_the_file_is_the_writers_own(app: App, format: str) -> None:
    status, headers, content = post(app, format, lines(*LINES))
    context = ExportContext(
        "an interview.mp4", "avemo-fused version 3", EMOTIONS, 3.0, 1.0, purpose="a test"
    )
    assert status == 200
    assert content == b"".join(export_chunks(ROWS, format, context=context))
    assert headers["content-type"].startswith(FORMATS[format].media_type)
    name = f'attachment; filename="timeline{FORMATS[format].suffix}"'
    assert headers["content-disposition"] == name


@pytest.mark.parametrize("format", ["csv", "parquet", "elan"])
@pytest.mark.parametrize(
    "body",
    [
        b"this is no JSON",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"17",
        lines(ROW | {"exact": ["1e999999999", "2", "0", "3"]}),
        lines(ROW | {"exact": ["1/0", "2", "0", "3"]}),
        lines(ROW | {"exact": ["3", "2", "0", "3"]}),
        lines(ROW | {"exact": 5}),
        lines(ROW | {"exact": []}),
        lines(ROW | {"probabilities": {"calm": "much", "sad": 1}}),
        lines({"exact": ["0", "1", "0", "1"]}),
        lines({"model": 3}, ROW),
        lines({"model": {}, "window": "long"}, ROW),
    ],
)
def test_what_is_no_timeline_is_refused(app: App, format: str, body: bytes) -> None:
    status, _, content = post(app, format, body)
    assert status == 400
    assert json.loads(content)["error"]["code"] == "timeline"


def test_an_unknown_format_and_too_much_are_refused(app: App) -> None:
    status, _, content = post(app, "docx", lines(*LINES))
    assert status == 404
    assert "csv, parquet" in json.loads(content)["error"]["message"]
    assert post(app, "csv", b" " * 1_100_000)[0] == 413
