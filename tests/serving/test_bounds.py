"""What a client can take of the service: bytes, time, places in the queue; and what for a key."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from helpers.altered_code import slow_down
from helpers.registered_versions import new_network, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    running_service,
    until,
)
from helpers.sounds import encoded, voice

pytestmark = pytest.mark.slow

KEY, NEXT_KEY = "a-key-of-the-tests-1", "a-key-of-the-tests-2"
CLIP = encoded(voice(16000), 16000)
LIMIT = 1_000_000


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[ServiceProcess]:
    """A service with small limits and one worker, whose version takes 0.4 s for a clip.

    The file `calls` beside its project gets a line for each clip that the version begins with.
    """
    folder = tmp_path_factory.mktemp("bounds")
    key = folder / "key"
    key.write_text(f"{KEY}\n{NEXT_KEY}\n")
    project = new_serving_project(
        folder / "project",
        max_upload_mb=LIMIT / 1e6,
        max_json_mb=0.1,
        max_queue_s=4.0,
        idle_s=1.0,
        timeout_s=8.0,
        timelines=1,
        spool_mb=1.5,
    )
    with module_registry(folder, empty_database) as registry:
        write_line = f"open({str(folder / 'calls')!r}, 'a').write('call\\n')"
        slowly = slow_down(f"{write_line} and 0.4")
        register_version(
            folder / "1", None, alias="champion", network=new_network("sad"), alter=slowly
        )
        options = ("--workers", "1", "--key-file", str(key))
        with running_service(folder / "run", registry, *options, project=project) as service:
            yield service


def headers(**more: str) -> dict[str, str]:
    return {"X-API-Key": KEY, "Content-Type": "audio/wav"} | more


def exchange(service: ServiceProcess, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces of a request, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it is answered already
        answer = b""
        try:
            while received := connection.recv(65536):
                answer += received
                if is_complete(answer):
                    break
        except ConnectionResetError:
            pass
        return answer


def is_complete(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end and length and len(body) >= int(length[1]))


def request(*lines: str, path: str = "/v1/predict") -> bytes:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: localhost", f"X-API-Key: {KEY}",
         "Content-Type: audio/wav", *lines, "", ""]
    ).encode()  # fmt: skip


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def test_a_key_is_wanted(service: ServiceProcess) -> None:
    post = service.post
    for sent, status in (
        ({}, 401),
        ({"X-API-Key": "a-key-of-the-tests-3"}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
        ({"X-API-Key": NEXT_KEY}, 200),
        ({"Authorization": f"Bearer {KEY}"}, 200),
    ):
        response = post("/v1/predict", CLIP, headers={"Content-Type": "audio/wav"} | sent)
        assert response.status_code == status
        if status == 401:
            assert response.headers["www-authenticate"] == "Bearer"
            assert KEY not in response.text
    for path in ("/v1/model", "/metrics", "/openapi.json", "/v1/registry", "/v2"):
        assert requests.get(f"{service.address}{path}", timeout=10).status_code == 401
    for path in ("/healthz", "/readyz", "/v2/health/live"):
        assert requests.get(f"{service.address}{path}", timeout=10).status_code == 200


def test_a_stated_length_over_the_limit_is_refused_before_the_upload(
    service: ServiceProcess,
) -> None:
    start = time.monotonic()
    answer = exchange(service, request(f"Content-Length: {LIMIT + 1}"))
    assert time.monotonic() - start < 1
    assert status_of(answer) == 413
    assert b"connection: close" in answer


def test_chunks_over_the_limit_are_refused(service: ServiceProcess) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    answer = exchange(service, request("Transfer-Encoding: chunked"), *[chunk] * 40)
    assert status_of(answer) == 413
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert body["error"]["code"] == "too-large"
    text = "A" * 150_000
    response = service.post("/invocations", json={"instances": [text]}, headers={"X-API-Key": KEY})
    assert response.status_code == 413


def test_a_lying_content_length_gets_no_place(service: ServiceProcess) -> None:
    too_short = exchange(service, request("Content-Length: 100") + CLIP)
    assert status_of(too_short) == 200  # 100 bytes are a file that is cut short
    assert b"unreadable" in too_short
    start = time.monotonic()
    too_long = exchange(service, request(f"Content-Length: {len(CLIP) + 5000}") + CLIP)
    assert status_of(too_long) == 408
    assert time.monotonic() - start < 3


def test_a_slow_sender_is_given_up(service: ServiceProcess) -> None:
    start = time.monotonic()
    silent = exchange(service, request("Content-Length: 1000"), b"x")
    assert status_of(silent) == 408
    assert time.monotonic() - start < 3
    # a byte now and then: the deadline of the whole request
    start = time.monotonic()
    dripping = exchange(service, request("Content-Length: 1000"), *[b"x"] * 12, pause_s=0.8)
    assert status_of(dripping) == 408
    assert 7 < time.monotonic() - start < 12


def test_headers_that_never_come_cost_a_connection_for_seconds_alone(
    service: ServiceProcess,
) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n")
        start = time.monotonic()
        assert connection.recv(100) == b""
        assert time.monotonic() - start < 15


def test_a_full_queue_says_when_to_come_again(service: ServiceProcess) -> None:
    """Twice as much as fits comes at once; who obeys Retry-After is answered at the second try."""

    def send(_: int) -> tuple[requests.Response, float]:
        start = time.monotonic()
        response = service.post("/v1/predict", CLIP, headers=headers())
        return response, time.monotonic() - start

    service.post("/v1/predict", CLIP, headers=headers())  # so that a rate is measured

    def send_and_obey(number: int) -> tuple[list[int], float]:
        response, elapsed_s = send(number)
        if response.status_code == 200:
            return [200], 0.0
        time.sleep(int(response.headers["retry-after"]))
        assert response.json()["error"]["code"] == "busy"
        return [response.status_code, send(number)[0].status_code], elapsed_s

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(send_and_obey, range(12)))
    refused = [(statuses, elapsed_s) for statuses, elapsed_s in results if statuses[0] != 200]
    assert 4 <= len(refused) <= 8
    assert [statuses for statuses, _ in refused] == [[503, 200]] * len(refused)
    print("refused within", max(elapsed_s for _, elapsed_s in refused))


def busy(service: ServiceProcess) -> float:
    text = requests.get(f"{service.address}/metrics", headers=headers(), timeout=10).text
    match = re.search(r'avemo_busy_workers\{kind="(?:predict)"\} (\S+)', text)
    assert match
    return float(match[1])


def count_calls(service: ServiceProcess) -> int:
    """How many clips the version has begun with."""
    return len((service.log.parents[1] / "calls").read_text().splitlines())


def test_who_hangs_up_gives_the_worker_back(service: ServiceProcess) -> None:
    before = count_calls(service)
    complete = request(f"Content-Length: {len(CLIP)}") + CLIP
    connections = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(4)]
    for connection in connections:
        connection.sendall(complete)
    until(lambda: busy(service) == 1, service)
    for connection in connections:
        connection.close()
    response = service.post("/v1/predict", CLIP, headers=headers())
    assert response.status_code == 200
    assert count_calls(service) - before == 2  # the one that had begun, and its own
    assert "POST /v1/predict gone" in service.written() or "499" in service.written()


def test_the_spool_has_a_quota_and_nothing_stays(service: ServiceProcess) -> None:
    part = b"x" * 900_000
    first = socket.create_connection(("127.0.0.1", service.port))
    with first:
        first.sendall(request(f"Content-Length: {LIMIT}") + part)
        time.sleep(0.3)
        answer = exchange(service, request(f"Content-Length: {LIMIT}", path="/v1/timeline") + part)
        assert status_of(answer) == 503
        assert b"spool-full" in answer
    spool = next(service.log.parent.glob("avemo-spool-*"))
    until(lambda: [file.name for file in spool.iterdir()] == ["lock"], service)


def test_one_timeline_at_a_time_is_what_it_says(service: ServiceProcess) -> None:
    started, stop = threading.Event(), threading.Event()
    clip = encoded(voice(16000, 20), 16000)

    def chunks() -> Iterator[bytes]:
        yield clip[:200_000]
        started.set()
        while not stop.wait(0.3):
            yield b"\0\0"

    def send(data: Any) -> requests.Response:
        return service.post("/v1/timeline", data, headers=headers())

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, chunks())
        assert started.wait(10)
        time.sleep(0.5)
        second = send(clip)
        assert (second.status_code, second.json()["error"]["code"]) == (503, "busy")
        assert int(second.headers["retry-after"]) > 0
        stop.set()
        assert first.result().status_code == 200
    assert send(encoded(voice(16000, 4), 16000)).status_code == 200


def test_it_still_answers(service: ServiceProcess) -> None:
    assert service.post("/v1/predict", CLIP, headers=headers()).status_code == 200
    assert "Traceback" not in service.written()
