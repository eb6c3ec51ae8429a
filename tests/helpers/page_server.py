"""A small server of the page: it has the service's addresses, and answers what a test tells it to.

What the page does with several faces, a busy service or a broken connection is tested with it,
because the real service says these things only now and then.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.inference.timeline_row import Box, TimelineRow
from avemo.media.span import Span

__all__ = ["Answer", "PageServer", "row", "serve_page", "timeline"]

STATIC = Path(__file__).parents[2] / "avemo" / "serving" / "static"

#: as strict as the service's own
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_NOTICE = "Acted expressions, by a few labels; no diagnosis. Not for use at work."


@dataclass
class Answer:
    """What `POST /v1/timeline` answers to one request.

    Args:
        records: each a line of NDJSON, or the one JSON document of an error
        status: of HTTP
        headers: besides the content's type
        pause_s: before each record after the first
    """

    records: Sequence[Mapping[str, object]]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0


def row(
    start: float,
    end: float,
    emotion: str = "",
    share: float = 0.7,
    *,
    track: int | None = 0,
    unsure: bool = False,
    box: Box | None = (0.38, 0.14, 0.62, 0.72),
    finding: str = "",
    reason: str = "",
    speaking: bool | None = None,
) -> TimelineRow:
    """Return a row; without an emotion it is a gap."""
    rest = [1.0 + 0.6 * ((7 * index) % 5) for index in range(len(EMOTIONS) - 1)]
    others = [name for name in EMOTIONS if name != emotion]
    shares = {
        name: (1 - share) * weight / sum(rest) for name, weight in zip(others, rest, strict=False)
    }
    span = Span(Fraction(str(start)), Fraction(str(end)))
    sees = emotion and track is not None
    return TimelineRow(
        span=span,
        window=Span(max(Fraction(0), span.start - 1), span.end + 1),
        track=track,
        probabilities={emotion: share} | shares if emotion else {},
        modality=("fused" if sees else "audio") if emotion else None,
        unsure=unsure,
        box=box if sees else None,
        voiced=0.8 if emotion else 0.1,
        finding=finding,
        reason=reason,
        speaking=speaking,
    )


def timeline(*rows: TimelineRow, model: str = "avemo-fused") -> list[dict[str, object]]:
    """Return the records of a whole answer."""
    head: dict[str, object] = {
        "model": {"name": model, "version": "3", "alias": "champion"},
        "classes": list(EMOTIONS),
        "window": 2.0,
        "hop": 0.5,
        "notice": _NOTICE,
    }
    end = float(max(entry.span.end for entry in rows))
    last: dict[str, object] = {"end": True, "duration": end, "rows": len(rows)}
    return [head, *(entry.to_dict() for entry in rows), last]


class PageServer(ThreadingHTTPServer):
    """Serve the page and what it asks for, at `address`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}/"
        #: what the next requests for a timeline get, in this order
        self.answers: deque[Answer] = deque()
        #: what every request must bring; none is asked for where it is empty
        self.key = ""
        self.model: dict[str, object] = {}
        self.registry: dict[str, object] = {"models": []}
        #: paths that were asked for, and the bodies that came with them
        self.requests: list[tuple[str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep a test's output free of requests."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        pages = {"/": "index.html", "/registry": "registry.html"}
        if path in pages or path.startswith("/static/"):
            file = STATIC / pages.get(path, path.removeprefix("/static/"))
            self._send(file.read_bytes(), _TYPES[file.suffix])
        elif path == "/healthz":
            self._send(b"{}", "application/json")
        elif not self._has_key():
            self._refuse(401, "key", "a key is needed")
        elif path in ("/v1/model", "/v1/registry"):
            content = self.server.model if path == "/v1/model" else self.server.registry
            self._send(json.dumps(content).encode(), "application/json")
        elif path.startswith("/v1/registry/versions/"):
            self._send(str(self.server.model["card_html"]).encode(), _TYPES[".html"])
        else:
            self._refuse(404, "not-found", "there is nothing at this address")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, body))
        if not self._has_key():
            self._refuse(401, "key", "a key is needed")
        elif self.path.startswith("/v1/export/"):
            is_vtt = self.path.endswith(("vtt", "chapters"))
            self._send(_CUES if is_vtt else body, "text/vtt" if is_vtt else "text/plain")
        elif self.server.answers:
            self._answer(self.server.answers.popleft())
        else:
            self._refuse(422, "unreadable", "neither a picture nor a sound can be decoded")

    def _answer(self, answer: Answer) -> None:
        if answer.status != 200:
            self._send(
                json.dumps(answer.records[0]).encode(),
                "application/json",
                status=answer.status,
                headers=answer.headers,
            )
            return
        self._start(200, {"Content-Type": "application/x-ndjson", "Connection": "close"})
        self.close_connection = True
        for index, record in enumerate(answer.records):
            if index:
                time.sleep(answer.pause_s)
            try:
                self.wfile.write(json.dumps(record).encode() + b"\n")
            except (BrokenPipeError, ConnectionResetError):  # the reader has stopped it
                return

    def _refuse(self, status: int, code: str, message: str) -> None:
        error = {"error": {"code": code, "message": message, "request_id": "1f00d2c4"}}
        self._send(json.dumps(error).encode(), "application/json", status=status)

    def _send(
        self,
        body: bytes,
        media_type: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        fields = {"Content-Type": media_type, "Content-Length": str(len(body))}
        self._start(status, fields | dict(headers or {}))
        self.wfile.write(body)

    def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Security-Policy": _POLICY, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _has_key(self) -> bool:
        return self.headers["Authorization"] == f"Bearer {self.server.key}" or not self.server.key


_CUES = b"WEBVTT\n\n00:00.000 --> 00:01.000\nhappy\n\n00:01.000 --> 00:02.000\nsad\n"


@contextmanager
def serve_page() -> Iterator[PageServer]:
    """Run a server of the page for as long as the block lasts."""
    with PageServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
