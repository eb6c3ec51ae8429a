import hashlib
import io
import socket
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from avemo import download
from avemo.errors import AssetError
from avemo.pretrained import assets

PUBLISHED = assets.ASSETS
WEIGHTS = b"weights " * 4096
SHARED = Path(__file__).parents[2] / "../shared/weights"


def archive(content: bytes = WEIGHTS, name: str = "pack/tiny.onnx") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as pack:
        pack.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def described(name: str, content: bytes) -> assets.File:
    return assets.File(name, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    asset = assets.Asset(
        purpose="testing",
        source="these tests",
        licence="none",
        url="https://official.invalid/release/pack.zip",
        files=(described("tiny.onnx", WEIGHTS), described("tiny_earlier.onnx", b"earlier")),
        archive=described("pack.zip", archive()),
    )
    monkeypatch.setattr(assets, "ASSETS", {"tiny": asset})
    monkeypatch.setattr(download, "ANSWER_S", 0.5)
    monkeypatch.setattr(download, "BACKOFF_S", 0.001)
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv(assets.MIRROR, raising=False)
    monkeypatch.delenv(assets.ORIGIN, raising=False)
    return tmp_path / "cache"


class Origin:
    """A server on this machine that answers as it is told to."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.right
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                origin.requests.append(self.path)
                origin.answer(self)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/release"

    def send(self, handler: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length or len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def right(self, handler: BaseHTTPRequestHandler) -> None:
        self.send(handler, archive())

    def wrong(self, handler: BaseHTTPRequestHandler) -> None:
        self.send(handler, archive(b"something else"))

    def cut(self, handler: BaseHTTPRequestHandler) -> None:
        self.send(handler, archive()[:1000], len(archive()))

    def stalled(self, handler: BaseHTTPRequestHandler) -> None:
        self.send(handler, archive()[:1000], len(archive()))
        handler.wfile.flush()
        time.sleep(2)

    def missing(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_error(404)

    def silent(self, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(2)

    def busy_once(self, handler: BaseHTTPRequestHandler) -> None:
        if len(self.requests) > 1:
            return self.right(handler)
        handler.send_response(503)
        handler.send_header("Retry-After", "1")
        handler.end_headers()
        return None

    def moved(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/elsewhere"):
            return self.right(handler)
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere/pack.zip")
        handler.end_headers()
        return None


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    origin = Origin()
    thread = threading.Thread(target=origin.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv(assets.ORIGIN, origin.url)
    yield origin
    origin.server.shutdown()
    origin.server.server_close()


def put(folder: Path, name: str = "tiny.onnx", content: bytes = WEIGHTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_nothing_here_is_found_nowhere() -> None:
    assert assets.find("tiny") is None


def test_the_mirror_comes_before_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cache)
    mirrored = put(tmp_path / "mirror")
    monkeypatch.setenv(assets.MIRROR, str(tmp_path / "mirror"))
    assert assets.find("tiny") == mirrored


def test_another_export_serves_as_well(cache: Path) -> None:
    earlier = put(cache, "tiny_earlier.onnx", b"earlier")
    assert assets.find("tiny") == earlier


def test_a_wrong_file_is_refused_and_named(cache: Path) -> None:
    path = put(cache, content=b"not the weights")
    with pytest.raises(AssetError) as raised:
        assets.find("tiny")
    message = str(raised.value)
    assert str(path) in message
    assert hashlib.sha256(b"not the weights").hexdigest() in message
    assert hashlib.sha256(WEIGHTS).hexdigest() in message


def test_a_mirror_that_is_no_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(assets.MIRROR, "/no/such/folder")
    with pytest.raises(AssetError, match="/no/such/folder"):
        assets.find("tiny")


def test_a_changed_file_is_checked_again(cache: Path) -> None:
    path = put(cache)
    assert assets.find("tiny") == path
    put(cache, content=b"shorter")
    with pytest.raises(AssetError, match="refused"):
        assets.find("tiny")


def test_fetched_once_then_kept(cache: Path, origin: Origin) -> None:
    path = assets.get("tiny", quiet=True)
    assert path == cache / "tiny.onnx"
    assert path.read_bytes() == WEIGHTS
    assert [file.name for file in cache.iterdir()] == ["tiny.onnx"]
    assert assets.get("tiny", quiet=True) == path
    assert origin.requests == ["/release/pack.zip"]


def test_a_file_that_is_published_as_it_is(
    cache: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = replace(
        assets.ASSETS["tiny"],
        url="https://official.invalid/model.onnx",
        files=(described("tiny.onnx", archive()),),
        archive=None,
    )
    monkeypatch.setattr(assets, "ASSETS", {"tiny": bare})
    path = assets.get("tiny", quiet=True)
    assert path == cache / "tiny.onnx"
    assert path.read_bytes() == archive()
    assert origin.requests == ["/release/model.onnx"]


def test_a_file_whose_size_nobody_says(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsized = replace(described("tiny.onnx", WEIGHTS), bytes=None)
    monkeypatch.setattr(
        assets, "ASSETS", {"tiny": replace(assets.ASSETS["tiny"], files=(unsized,))}
    )
    assert [row.size for row in assets.list_assets()] == [None]
    path = put(cache)
    assert assets.find("tiny") == path
    assert [row.size for row in assets.list_assets()] == [len(WEIGHTS)]
    put(cache, content=b"wrong")
    with pytest.raises(AssetError, match=f"got 5 bytes .* expected sha256 {unsized.sha256}"):
        assets.find("tiny")


def test_a_file_whose_checksum_nobody_publishes(
    cache: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = replace(
        assets.ASSETS["tiny"],
        url="https://official.invalid/model.onnx",
        files=(assets.File("tiny.onnx", None, None), described("tiny_earlier.onnx", b"earlier")),
        archive=None,
    )
    monkeypatch.setattr(assets, "ASSETS", {"tiny": bare})
    assert assets.get("tiny", quiet=True).read_bytes() == archive()
    assert [row.location for row in assets.list_assets()] == ["cache"]
    assert assets.verify() == []  # there is nothing to hold it against
    (cache / "tiny.onnx").unlink()
    (cache / "tiny_earlier.onnx").write_bytes(b"other")
    with pytest.raises(AssetError, match=r"tiny_earlier\.onnx is refused"):
        assets.find("tiny")


def test_a_redirect_is_followed(origin: Origin) -> None:
    origin.answer = origin.moved
    assert assets.get("tiny", quiet=True).read_bytes() == WEIGHTS
    assert origin.requests == ["/release/pack.zip", "/elsewhere/pack.zip"]


def test_a_busy_server_gets_the_time_that_it_asks_for(
    origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    origin.answer = origin.busy_once
    assert assets.get("tiny", quiet=True).read_bytes() == WEIGHTS
    assert len(origin.requests) == 2
    assert f"{origin.url.removesuffix('/release')} asks to wait 1 s" in caplog.text


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("wrong", "expected"),
        ("cut", "broke off"),
        ("stalled", "no answer within 0.5 s"),
        ("missing", "answered 404"),
        ("silent", "no answer within 0.5 s"),
    ],
)
def test_a_failed_download_leaves_nothing(
    behaviour: str, message: str, cache: Path, origin: Origin
) -> None:
    origin.answer = getattr(origin, behaviour)
    with pytest.raises(AssetError, match=message) as raised:
        assets.get("tiny", quiet=True)
    message = str(raised.value)
    for part in ("tiny.onnx", "testing", assets.MIRROR, str(cache), "official.invalid"):
        assert part in message
    assert "\n" not in message
    assert list(cache.iterdir()) == []


def test_a_machine_without_a_network_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    began = time.monotonic()
    with pytest.raises(AssetError, match="no connection"):
        assets.get("tiny", quiet=True)
    assert time.monotonic() - began < 5


def test_a_name_server_that_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    monkeypatch.setattr(download, "CONNECT_S", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(5))
    monkeypatch.setenv(assets.ORIGIN, "http://weights.invalid")
    with pytest.raises(AssetError, match=r"no name server knows weights\.invalid within 0\.2 s"):
        assets.get("tiny", quiet=True)
    released.set()


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "file"))
    with pytest.raises(AssetError, match="could not be fetched"):
        assets.get("tiny", quiet=True)


def test_the_table_says_where_each_is(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [(row.name, row.location, row.path) for row in assets.list_assets()] == [
        ("tiny", "absent", None)
    ]
    path = put(cache)
    assert [(row.location, row.path, row.size) for row in assets.list_assets()] == [
        ("cache", path, len(WEIGHTS))
    ]
    put(tmp_path / "mirror", content=b"wrong")
    monkeypatch.setenv(assets.MIRROR, str(tmp_path / "mirror"))
    assert [row.location for row in assets.list_assets()] == ["damaged"]


def test_verify_reads_everything_again(cache: Path) -> None:
    assert assets.verify() == []
    path = put(cache)
    assert assets.verify() == [path]
    put(cache, content=b"wrong")
    with pytest.raises(AssetError, match="refused"):
        assets.verify()


def test_no_two_published_files_share_a_name() -> None:
    names = Counter(file.name for asset in PUBLISHED.values() for file in asset.files)
    assert set(names.values()) == {1}


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("hsemotion_mobilenet_7", "hsemotion_mobilenet_7.keras"),
        ("scrfd_500m", "scrfd_500m_kps.onnx"),
        ("yunet", "face_detection_yunet_2026may.onnx"),
        ("whisper_base", "whisper-base-encoder.safetensors"),
        ("whisper_tiny_en", "whisper-tiny.en-encoder.safetensors"),
    ],
)
def test_the_shared_weights_are_the_ones_described(
    name: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (SHARED / file).is_file():
        pytest.skip(f"needs ../shared/weights/{file}")
    monkeypatch.undo()
    monkeypatch.setenv(assets.MIRROR, str(SHARED))
    path = assets.find(name)
    assert path is not None
    assert path.stat().st_size in {file.bytes for file in assets.ASSETS[name].files}
