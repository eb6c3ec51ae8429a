"""A server on this machine that answers as Zenodo does, and fails where a test wants it to."""

import gzip
import hashlib
import io
import json
import random
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RECORD = 1188976
SPEECH, SONG = "Audio_Speech_Actors_01-24", "Audio_Song_Actors_01-24"
VIDEO = "Video_Speech_Actor_02"


def recordings(name: str) -> dict[str, bytes]:
    """Some members of an archive, of two actors where it is one of sound."""
    noise = random.Random(name)
    channel = "01" if "Speech" in name else "02"
    actors = ["01", "02"] if name.startswith("Audio") else [name[-2:]]
    code, suffix = ("03", "wav") if name.startswith("Audio") else ("01", "mp4")
    return {
        f"Actor_{actor}/{code}-{channel}-05-01-01-0{take}-{actor}.{suffix}": noise.randbytes(20_000)
        for actor in actors
        for take in (1, 2)
    }


def packed(members: dict[str, bytes]) -> bytes:
    """A zip archive of these members."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as pack:
        for name, data in members.items():
            pack.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


class Server:
    """Archives by name, and for each the faults that its next requests meet.

    A fault is a method of `Handler`; an archive without one left is given as it is.
    """

    def __init__(self) -> None:
        self.archives = {name: packed(recordings(name)) for name in (SPEECH, SONG, VIDEO)}
        self.faults: dict[str, list[Callable[[Handler], object]]] = {}
        self.requests: list[tuple[str, float]] = []  # name, time in seconds
        self.delay_s = 0.0  # after each KiB
        self.http = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (Handler,), {"server_state": self})
        )
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def record(self) -> bytes:
        files = [
            {
                "key": f"{name}.zip",
                "size": len(content),
                "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                "links": {
                    "self": f"https://zenodo.org/api/records/{RECORD}/files/{name}.zip/content"
                },
            }
            for name, content in self.archives.items()
        ]
        return json.dumps({"id": RECORD, "files": files}).encode()

    def times(self, name: str) -> list[float]:
        """Return when each request for an archive or the record came, in seconds."""
        return [time_s for requested, time_s in self.requests if requested == name]


class Handler(BaseHTTPRequestHandler):
    server_state: Server

    def do_GET(self) -> None:
        *_, last = self.path.removesuffix("/content").split("/")
        name = last.removesuffix(".zip")
        self.server_state.requests.append((name, time.monotonic()))
        faults = self.server_state.faults.get(name)
        try:
            if faults:
                faults.pop(0)(self)
            elif name == str(RECORD):
                self.send(self.server_state.record())
            elif name in self.server_state.archives:
                self.right()
            else:
                self.send_error(404)
        except ConnectionError:
            pass

    @property
    def content(self) -> bytes:
        return self.server_state.archives[self.path.split("/")[-2].removesuffix(".zip")]

    def send(self, body: bytes, code: int = 200, *, length: int = 0, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(length or len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        for start in range(0, len(body), 1024):
            self.wfile.write(body[start : start + 1024])
            time.sleep(self.server_state.delay_s)

    def right(self, most: int | None = None) -> None:
        self.send(self.content[:most], length=len(self.content))

    def log_message(self, *_: object) -> None: ...

    # faults

    def cut(self) -> None:
        self.right(most=10_240)

    def stall(self) -> None:
        self.cut()
        time.sleep(0.6)

    def compressed(self) -> None:
        self.send(gzip.compress(self.content), Content_Encoding="gzip")

    def silent(self) -> None:
        time.sleep(0.6)

    def wrong(self) -> None:
        self.send(bytes(len(self.content)))

    def short(self) -> None:
        """An end before the size that the record says."""
        self.send(self.content[:100])

    def redirect(self) -> None:
        self.send(b"", 302, Location=self.path.replace("/api/", "/elsewhere/"))


def refuse(code: int, wait: str = "") -> Callable[[Handler], None]:
    """A fault that answers with an error, and says how long to wait."""
    return lambda handler: (
        handler.send(b"", code, Retry_After=wait) if wait else handler.send(b"", code)
    )


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
