"""A real service records its answers; they are replayed by the versions that gave them."""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
from helpers.browser import fetch_axe, open_browser
from helpers.recorded_answers import new_draft
from helpers.registered_versions import NAME, ROOT, new_network, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    run_avemo,
    running_service,
    until,
)
from helpers.sounds import encoded, voice

from avemo.serving.record.rows import AnswerSettings
from avemo.serving.record.store import RecordStore, read_record

pytestmark = pytest.mark.slow

#: by a name that must not be written anywhere
CLIPS = {
    f"interview-of-ana-{number}.wav": encoded(voice(16000, 1.0 + 0.1 * number), 16000)
    for number in range(5)
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    with module_registry(tmp_path_factory.mktemp("registry"), empty_database) as uri:
        yield uri


@pytest.fixture(scope="module")
def versions(registry: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("versions")
    sad, happy = (
        register_version(folder / emotion, None, network=new_network(emotion, seed=seed))
        for seed, emotion in enumerate(("sad", "happy"))
    )
    return sad, happy


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_serving_project(tmp_path_factory.mktemp("project") / "p", poll_s=0.3)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, content in CLIPS.items():
        (folder / name).write_bytes(content)
    return folder


def set_champion(version: str) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", version)


def ask(service: ServiceProcess, number: int) -> str:
    """Ask for an answer by one door after the other, and return its id."""
    name = sorted(CLIPS)[(number + number // 5) % len(CLIPS)]
    content = CLIPS[name]
    headers = {"X-Avemo-Notice": "true"} if number % 2 else {}
    match number % 5:
        case 0:
            response = service.post("/v1/predict", files={"file": (name, content)}, headers=headers)
            assert response.ok
            body_id = response.json()["predictions"][0]["answer_id"]
            assert body_id == response.headers["X-Avemo-Answer"]
        case 1:
            media = base64.b64encode(content).decode()
            body = {"dataframe_split": {"columns": ["media"], "data": [[media]]}}
            response = service.post("/invocations", json=body, headers=headers)
        case 2:
            data = [base64.b64encode(content).decode()]
            tensor = {"name": "media", "datatype": "BYTES", "shape": [1], "data": data}
            path = f"/v2/models/{NAME}/infer"
            response = service.post(path, json={"inputs": [tensor]}, headers=headers)
        case 3:
            path = "/v1/timeline?window=0.6&hop=0.2"
            response = service.post(path, content, headers={**headers, "Content-Type": "audio/wav"})
            return str(json.loads(response.text.splitlines()[-1])["answer_id"])
        case _:
            response = service.post(
                "/v1/timeline", files={"file": (name, content)}, headers=headers
            )
            return str(json.loads(response.text.splitlines()[-1])["answer_id"])
    assert response.status_code == 200
    return response.headers["X-Avemo-Answer"]


def replayed(project: Path, record: Path, *media: Path | str, returncode: int = 0) -> list[Any]:
    out = run_avemo(
        project, "replay", str(record), *map(str, media), "--json", returncode=returncode
    )
    return [json.loads(line) for line in out.splitlines()]


def test_answers_across_a_promotion_are_replayed_by_their_versions(
    registry: str, versions: tuple[str, str], project: Path, clips: Path, tmp_path: Path
) -> None:
    count = int(os.environ.get("AVEMO_TEST_ANSWERS", "20"))
    sad, happy = versions
    set_champion(sad)
    record, run = tmp_path / "record", tmp_path / "run"
    ids = []
    with running_service(run, registry, "--record", str(record), project=project) as service:
        ids += [ask(service, number) for number in range(count // 2)]
        set_champion(happy)
        until(lambda: service.version == happy, service)
        ids += [ask(service, number) for number in range(count // 2, count)]
        assert service.ready()["record"]["records"] is True
        journal = (record / "journal.ndjson").read_bytes()  # before it moves to Parquet files
    reading = read_record(record)
    assert [answer.id for answer in reading.answer_rows] == ids
    assert reading.warnings == reading.damaged == []
    assert {answer.version for answer in reading.answer_rows} == {sad, happy}
    assert {answer.notice for answer in reading.answer_rows} == {True, None}
    outcomes = replayed(project, record, clips)
    assert [line["outcome"] for line in outcomes] == ["identical"] * count
    assert {line["model"] for line in outcomes} == {f"{NAME} version {v}" for v in versions}
    # neither media nor names are anywhere; looked for is a part of each clip, from a multiple of 3
    # on, as base64 has it
    rows = "".join(answer.model_dump_json() for answer in reading.answer_rows)
    files = (file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    haystack = b"".join([journal, rows.encode(), *files])  # log and spool among them
    assert hashlib.sha256(CLIPS[sorted(CLIPS)[0]]).hexdigest().encode() in haystack
    assert b"interview" not in haystack
    middle = {name: content[5001:5065] for name, content in CLIPS.items()}
    assert [name for name, part in middle.items() if part in haystack] == []
    assert [name for name, part in middle.items() if base64.b64encode(part[:48]) in haystack] == []


@pytest.fixture(scope="module")
def recording(
    registry: str,
    versions: tuple[str, str],
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ServiceProcess, Path]]:
    """A service that records, and its record."""
    folder = tmp_path_factory.mktemp("recording")
    mlflow.MlflowClient().set_registered_model_alias(NAME, "steady", versions[0])
    options = ("--alias", "steady", "--record", str(folder / "record"))
    with running_service(folder / "run", registry, *options, project=project) as service:
        yield service, folder / "record"


def test_a_person_corrects_an_answer(recording: tuple[ServiceProcess, Path]) -> None:
    service, record = recording
    answer_id = ask(service, 0)
    path = f"/v1/answers/{answer_id}/correction"
    comment = {"comment": "this is Ana from next door"}
    first = service.post(path, json={"emotion": "happy", "consent": True} | comment)
    assert first.status_code == 200
    assert first.json().items() >= {"emotion": "happy", "consent": True}.items()
    assert service.post(path, json={"emotion": "calm"}).json()["consent"] is False
    correction = read_record(record).corrections[answer_id]
    assert (correction.emotion, correction.consent) == ("calm", False)
    journal = (record / "journal.ndjson").read_text()
    assert journal.count('"correction"') == 2
    assert "Ana" not in journal + service.written()


@pytest.mark.parametrize(
    ("answer_id", "body", "status", "code"),
    [
        ("20261130-000000000000000000000000", {"emotion": "sad"}, 404, "answer"),
        ("..%2F..%2Frecord", {"emotion": "sad"}, 404, "not-found"),
        ("*", {"emotion": "sad"}, 404, "answer"),
        ("", {"emotion": "joyful"}, 422, "emotion"),
        ("", {"emotion": "sad", "consent": "yes"}, 422, "parameter"),
        ("", {}, 422, "parameter"),
    ],
)
def test_a_correction_of_something_else_is_refused(
    recording: tuple[ServiceProcess, Path],
    answer_id: str,
    body: dict[str, object],
    status: int,
    code: str,
) -> None:
    service, _ = recording
    answer_id = answer_id or ask(service, 0)
    response = service.post(f"/v1/answers/{answer_id}/correction", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_several_clips_have_an_id_each(recording: tuple[ServiceProcess, Path]) -> None:
    service, record = recording
    files = [("file", item) for item in CLIPS.items()] + [("file", ("notes.txt", b"no media"))]
    response = service.post("/v1/predict", files=files)
    ids = response.headers["X-Avemo-Answer"].split(",")
    assert ids == [row["answer_id"] for row in response.json()["predictions"]]
    by_id = {answer.id: answer for answer in read_record(record).answer_rows}
    contents = [*CLIPS.values(), b"no media"]
    assert [by_id[own].sha256 for own in ids] == [
        hashlib.sha256(content).hexdigest() for content in contents
    ]
    assert by_id[ids[-1]].finding == "unreadable"


def test_a_second_service_takes_another_folder(
    recording: tuple[ServiceProcess, Path], project: Path, registry: str
) -> None:
    _, record = recording
    options = ("serve", "--model", NAME, "--registry", registry, "--record", str(record))
    command = [sys.executable, "-m", "avemo.cli", *options, "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AVEMO_ROOT": str(project)}
    ended = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"another process is recording to {record}" in line


def test_the_page_corrects_what_is_recorded(
    recording: tuple[ServiceProcess, Path], clips: Path, tmp_path: Path
) -> None:
    service, record = recording
    with open_browser(tmp_path) as page:
        page.driver.get(service.address)
        page.wait(lambda: "for 30 days" in page.text("#keeps"), "what is kept is not said")
        page.upload(clips / "interview-of-ana-3.wav")
        page.wait_for_answer(60)
        assert page.shown("#correction-card")
        page.element("#correction-send").click()
        assert page.text("#correction-state") == ""  # an emotion must be chosen
        page.element("#correction-emotion").send_keys("angry")
        page.element("#correction-consent").click()
        page.element("#correction-send").click()
        page.wait(lambda: "angry" in page.text("#correction-state"), "not recorded")
        assert page.text("#correction-problem") == ""
        if folder := os.environ.get("AVEMO_TEST_SCREENSHOTS"):
            page.driver.save_screenshot(f"{folder}/page.png")
            page.element("#correction-card").screenshot(f"{folder}/correction.png")
        assert page.axe(fetch_axe(tmp_path)) == []
        assert page.complaints() == []
    reading = read_record(record)
    answer = next(answer for answer in reversed(reading.answer_rows))
    assert answer.settings.kind == "timeline"
    assert answer.notice is None  # a file was chosen: nobody has accepted anything
    correction = reading.corrections[answer.id]
    assert (correction.emotion, correction.consent) == ("angry", True)


def test_a_service_records_nothing_unless_it_is_told(
    registry: str, versions: tuple[str, str], project: Path, tmp_path: Path
) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "steady", versions[0])
    run = tmp_path / "run"
    with running_service(run, registry, "--alias", "steady", project=project) as service:
        response = service.predict(CLIPS["interview-of-ana-0.wav"])
        assert "X-Avemo-Answer" not in response.headers
        assert "answer_id" not in response.text
        path = "/v1/answers/20261130-000000000000000000000000/correction"
        refused = service.post(path, json={"emotion": "sad"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "record-off")
        assert service.ready()["record"] is None


def test_a_kill_loses_no_answer_that_a_client_got(
    registry: str, versions: tuple[str, str], project: Path, tmp_path: Path
) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "steady", versions[0])
    record, run, clients = tmp_path / "record", tmp_path / "run", 3
    options = ("--alias", "steady", "--record", str(record))
    ids: list[str] = []

    def ask_until_the_end(service: ServiceProcess, first: int) -> None:
        with suppress(requests.RequestException, ValueError, LookupError):
            for number in range(first, 10_000):
                ids.append(ask(service, number))

    with running_service(run, registry, *options, project=project) as service:
        threads = [
            threading.Thread(target=ask_until_the_end, args=(service, first))
            for first in range(clients)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(ids) >= 12, service)
        service.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
    recorded = {answer.id for answer in read_record(record).answer_rows}
    assert set(ids) <= recorded
    assert len(recorded) - len(ids) <= clients  # under way: recorded, and not delivered
    with running_service(run, registry, *options, project=project) as service:
        ids.append(ask(service, 0))
    assert set(ids) <= {answer.id for answer in read_record(record).answer_rows}
    assert list(record.glob("answers/*.parquet"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for a few rows."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_the_record_alone(
    registry: str, versions: tuple[str, str], project: Path, small_disk: Path, tmp_path: Path
) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "steady", versions[0])
    record, filler = small_disk / "record", small_disk / "filler"
    options = ("--alias", "steady", "--record", str(record))
    clip = CLIPS["interview-of-ana-0.wav"]
    with running_service(tmp_path / "run", registry, *options, project=project) as service:
        first = ask(service, 0)
        with suppress(OSError):
            filler.write_bytes(b"0" * 1_000_000)
        unrecorded = []
        for _ in range(8):
            response = service.predict(clip)
            assert response.status_code == 200
            if "X-Avemo-Answer" not in response.headers:
                unrecorded.append(response)
        assert len(unrecorded) >= 4  # the journal's last page takes some
        state = service.ready()
        assert state["ready"] is True
        assert state["record"]["records"] is False
        assert state["record"]["not_recorded"] == len(unrecorded)
        assert state["record"]["not_recorded_since"]
        assert state["record"]["trouble"] == "No space left on device"
        path = f"/v1/answers/{first}/correction"
        statuses = [service.post(path, json={"emotion": "sad"}).status_code for _ in range(20)]
        assert statuses[-1] == 503  # its line is shorter than an answer's: a few may still fit
        metrics = requests.get(f"{service.address}/metrics", timeout=10).text
        assert f"avemo_answers_not_recorded_total {len(unrecorded)}.0" in metrics
        filler.unlink()
        last = ask(service, 1)
        assert service.ready()["record"]["records"] is True
        assert service.written().count("No space left on device") == 1
        assert "recorded again" in service.written()
        assert "Traceback" not in service.written()
    ids = [answer.id for answer in read_record(record).answer_rows]
    assert ids[0] == first
    assert ids[-1] == last
    assert len(ids) == 2 + 8 - len(unrecorded)


def test_what_cannot_be_replayed_is_said(
    registry: str, versions: tuple[str, str], project: Path, clips: Path, tmp_path: Path
) -> None:
    """Recorded by hand, so that each row has another reason."""
    version = mlflow.MlflowClient().get_model_version(NAME, versions[0])
    seal = version.tags["avemo.checksums"]
    content = CLIPS["interview-of-ana-0.wav"]
    sha256 = hashlib.sha256(content).hexdigest()
    base = new_draft(sha256=sha256, version=versions[0], seal=seal)
    adapted = AnswerSettings(adapted=True)
    drafts = {
        "not in the registry any more": base.model_copy(update={"version": "99"}),
        "has another checksum in the registry": base.model_copy(update={"seal": "0" * 64}),
        "adapted to a person": base.model_copy(update={"settings": adapted}),
        "the classes are others": base,
        "the finding was silent, now it is none": base.model_copy(
            update={"finding": "silent", "probabilities": {}}
        ),
    }
    record = tmp_path / "record"
    with RecordStore(record) as store:
        ids = {store.add(draft).id: reason for reason, draft in drafts.items()}
        elsewhere = store.add(base.model_copy(update={"sha256": "9" * 64})).id
    other = tmp_path / "other.wav"
    other.write_bytes(b"another clip")
    outcomes = replayed(project, record, clips / "interview-of-ana-0.wav", other, returncode=1)
    assert len(outcomes) == len(ids)
    for line in outcomes:
        assert ids[line["answer_id"]] in line["reason"], line
    assert {line["outcome"] for line in outcomes} == {"failed", "differs"}
    errors = run_avemo_with_errors(project, "replay", str(record), str(other))
    assert f"{other} has no recorded answer" in errors
    assert elsewhere in errors
    assert errors.splitlines()[-1] == (
        "avemo: 0 of 6 answers replayed: 0 identical, 0 differ, 0 could not be replayed; 6 without "
        "their media here"
    )
    errors = run_avemo_with_errors(project, "replay", str(tmp_path), str(other))
    assert errors.splitlines()[-1].startswith(f"avemo: {tmp_path} is no record")
    assert "Traceback" not in errors


def run_avemo_with_errors(project: Path, *arguments: str) -> str:
    """Run `avemo`, which fails, and return what it wrote to the standard error."""
    command = [sys.executable, "-m", "avemo.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AVEMO_ROOT": str(project)}
    ended = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stdout
    return ended.stderr
