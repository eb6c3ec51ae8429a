"""A real service records its answers; they are replayed by the versions that gave them."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import tritonclient.http as triton
from helpers.registered_versions import NAME, new_network, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    run_avemo,
    running_service,
    until,
)
from helpers.sounds import encoded, voice

from avemo.serving.record.store import read_record

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
    name = sorted(CLIPS)[number % len(CLIPS)]
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
            client = triton.InferenceServerClient(service.address.removeprefix("http://"))
            tensor = triton.InferInput("media", [1], "BYTES")
            tensor.set_data_from_numpy(np.array([content], dtype=object))
            answered = client.infer(NAME, [tensor])
            return str(answered._response.get("X-Avemo-Answer"))  # type: ignore[attr-defined]
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
        written = service.written()
    reading = read_record(record)
    assert [answer.id for answer in reading.answer_rows] == ids
    assert reading.warnings == reading.damaged == []
    assert {answer.version for answer in reading.answer_rows} == {sad, happy}
    assert {answer.notice for answer in reading.answer_rows} == {True, None}
    outcomes = replayed(project, record, clips)
    assert [line["outcome"] for line in outcomes] == ["identical"] * count
    assert {line["model"] for line in outcomes} == {f"{NAME} version {v}" for v in versions}
    # neither media nor names are anywhere; a part of a clip would be, too
    haystack = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert hashlib.sha256(CLIPS[sorted(CLIPS)[0]]).hexdigest().encode() in haystack
    assert b"interview" not in haystack
    assert "interview" not in written
    middle = {name: content[5000:5064] for name, content in CLIPS.items()}
    assert [name for name, part in middle.items() if part in haystack] == []
    assert [name for name, part in middle.items() if base64.b64encode(part[:48]) in haystack] == []
