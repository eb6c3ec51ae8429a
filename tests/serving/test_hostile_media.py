"""Damaged and hostile files cost one answer each, and nothing of the service."""

import os
import socket
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from helpers.damaged_media import damaged, references, special, truncations
from helpers.registered_versions import new_network, new_predictions, register_version
from helpers.serving import ServiceProcess, module_registry, new_serving_project, running_service
from helpers.sounds import encoded, voice

pytestmark = pytest.mark.slow

GOOD = encoded(voice(16000, 1.5), 16000)
TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("hostile")
    project = new_serving_project(folder / "project", timeout_s=TIMEOUT_S)
    with module_registry(folder, empty_database) as registry:
        register_version(
            folder / "1", new_predictions(0.6), alias="champion", network=new_network("sad")
        )
        with running_service(folder / "run", registry, project=project) as service:
            yield service


@pytest.fixture
def right(service: ServiceProcess) -> Iterator[dict[str, object]]:
    """What the service predicts for a good clip, before the test and after it."""
    before = service.predict(GOOD).json()
    yield before
    assert service.predict(GOOD).json() == before
    assert before["predictions"][0]["emotion"] == "sad"


def memory_mb(service: ServiceProcess) -> float:
    """Return what the service and its decoding processes hold."""
    parent = psutil.Process(service.process.pid)
    processes = [parent, *parent.children(recursive=True)]
    return float(sum(process.memory_info().rss for process in processes) / 2**20)


def assert_answered(service: ServiceProcess, files: Iterable[tuple[str, bytes]]) -> list[str]:
    """Send files from four clients, and return the findings; each is answered in time."""

    def send(file: tuple[str, bytes]) -> str:
        name, content = file
        started = time.monotonic()
        while True:
            answer = service.predict(content, "application/octet-stream")
            if answer.status_code != 503:
                break
            time.sleep(float(answer.headers["Retry-After"]))
            started = time.monotonic()
        assert time.monotonic() - started < TIMEOUT_S + 5, name
        body = answer.json()
        if answer.status_code == 200:
            (prediction,) = body["predictions"]
            assert prediction["finding"] or prediction["emotion"], name
            return str(prediction["finding"])
        assert answer.status_code in (400, 413, 415, 422), (name, answer.status_code, body)
        return str(body["error"]["code"])

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(send, files))


def test_five_hundred_damaged_files(service: ServiceProcess, right: dict[str, object]) -> None:
    assert_answered(service, damaged(40, seed=1))
    before = memory_mb(service)
    findings = assert_answered(service, damaged(500, seed=20))
    assert findings.count("unreadable") > 50
    assert findings.count("") > 20, "players read some of them, and so does the service"
    assert memory_mb(service) < before * 1.15 + 20


def test_a_file_that_is_cut_off_anywhere(service: ServiceProcess, right: dict[str, object]) -> None:
    content = encoded(voice(16000, 1.5), 16000, "m4a")
    findings = assert_answered(service, truncations(content, 200))
    assert set(findings) <= {"unreadable", "", "no-sound", "too-short", "silent", "empty"}


def test_what_a_file_names_is_neither_read_nor_asked(
    service: ServiceProcess, right: dict[str, object], tmp_path: Path
) -> None:
    canary = tmp_path / "canary.wav"
    os.mkfifo(canary)  # whoever opens it waits for ever
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        port = listener.getsockname()[1]
        for target in (canary, Path("/etc/passwd")):
            files = list(references(target, f"http://127.0.0.1:{port}/clip.wav", port))
            findings = assert_answered(service, files)
            for (name, _), finding in zip(files, findings, strict=True):
                # of an MOV, the sound that it holds itself is heard
                assert finding == ("" if name.startswith("mov") else "unreadable"), name
        with pytest.raises(TimeoutError):
            listener.accept()


def test_what_takes_much_room_or_time(service: ServiceProcess, right: dict[str, object]) -> None:
    before = memory_mb(service)
    findings = assert_answered(service, special())
    assert "" not in findings
    assert memory_mb(service) < before * 1.15 + 50
    assert requests.get(f"{service.address}/healthz", timeout=5).status_code == 200
