"""Enrolling over HTTP: what is kept, what goes back and forth, what a promotion changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import requests
from helpers.registered_versions import new_network, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    running_service,
    until,
)
from helpers.sounds import encoded, voice
from helpers.speakers import register_adapting_version

from avemo.inference.adaptation import SpeakerStatistics

pytestmark = pytest.mark.slow

CLIPS = [encoded(voice(16000, 1.5, level), 16000) for level in (0.3, 0.5, 0.7)]
SILENCE = encoded(np.zeros(16000), 16000)
KEY = "a-key-of-the-tests-1"
NAME = "Zoë 李"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speakers")


@pytest.fixture(scope="module")
def registry(folder: Path, empty_database: Path) -> Iterator[str]:
    with module_registry(folder, empty_database) as uri:
        register_adapting_version(folder / "1")
        yield uri


@pytest.fixture(scope="module")
def service(registry: str, folder: Path) -> Iterator[ServiceProcess]:
    """A service that keeps two people with two clips each."""
    key = folder / "key"
    key.write_text(KEY)
    speakers = {"keep": True, "retention_days": 30.0, "max_speakers": 2, "max_clips": 2}
    project = new_serving_project(
        folder / "project", speakers=speakers, poll_s=0.5, load_timeout_s=300.0
    )
    options = ("--key-file", str(key), "--workers", "1")
    with running_service(folder / "run", registry, *options, project=project) as service:
        yield service


def call(
    service: ServiceProcess, method: str, path: str, *clips: bytes, **fields: str
) -> requests.Response:
    """Send a request with a key; clips and fields make it a form."""
    files: list[tuple[str, Any]] = [
        ("file", (f"clip {number}.wav", clip)) for number, clip in enumerate(clips)
    ]
    return requests.request(
        method,
        f"{service.address}{path}",
        data=fields or None,
        files=files or None,
        headers={"X-API-Key": KEY},
        timeout=120,
    )


def predict(service: ServiceProcess, query: str = "", **fields: str) -> requests.Response:
    return call(service, "POST", f"/v1/predict{query}", CLIPS[2], **fields)


def code_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_statistics_go_back_and_forth_and_nothing_is_kept(
    service: ServiceProcess, folder: Path
) -> None:
    first = call(service, "POST", "/v1/enrol", CLIPS[0], SILENCE, CLIPS[0], neutral="true")
    assert first.status_code == 200
    body = first.json()
    assert [clip["added"] for clip in body["clips"]] == [True, False, False]
    assert [clip["finding"] for clip in body["clips"]] == ["", "silent", ""]
    text = json.dumps(body["statistics"])
    known = SpeakerStatistics.from_dict(body["statistics"])
    assert (known.clips, known.neutral_clips) == (1, 1)
    both = call(service, "POST", "/v1/enrol", CLIPS[1], statistics=text).json()["statistics"]
    assert (both["clips"], both["neutral_clips"]) == (2, 1)

    (plain,) = predict(service).json()["predictions"]
    (adapted,) = predict(service, statistics=text).json()["predictions"]
    assert plain["adaptation"] == ""
    assert adapted["adaptation"].startswith("neutral baseline of 1 clip (")
    assert adapted["probabilities"] != plain["probabilities"]
    assert not list(folder.rglob("served-speakers/*.json"))


@pytest.mark.parametrize(
    ("statistics", "expected"),
    [
        ("{", (422, "statistics")),
        ("[]", (422, "statistics")),
        ('{"space": "s"}', (422, "statistics")),
        ("x" * 70_000, (413, "too-large")),
    ],
)
def test_what_is_no_statistics(
    service: ServiceProcess, statistics: str, expected: tuple[int, str]
) -> None:
    assert code_of(predict(service, statistics=statistics)) == expected


def test_statistics_that_nobody_has(service: ServiceProcess) -> None:
    own = call(service, "POST", "/v1/enrol", CLIPS[0]).json()["statistics"]
    short = own | {"sums": own["sums"][:1]}
    assert code_of(predict(service, statistics=json.dumps(short))) == (422, "statistics")
    huge = predict(service, statistics=json.dumps(own | {"sums": [1e308] * 2}))
    if huge.status_code == 200:
        (row,) = huge.json()["predictions"]
        assert row["finding"] == "other-speaker"
    else:
        assert code_of(huge) == (422, "statistics")
    other = predict(service, statistics=json.dumps(own | {"space": "another"}))
    assert code_of(other) == (409, "other-space")
    assert "enrol the 1 other clip again" in other.json()["error"]["message"]
    assert code_of(call(service, "POST", "/v1/enrol", CLIPS[0], neutral="maybe")) == (
        422,
        "parameter",
    )


def test_a_person_is_kept_until_deleted(service: ServiceProcess, folder: Path) -> None:
    path = f"/v1/speakers/{quote(NAME)}"
    first = call(service, "POST", path, CLIPS[0], CLIPS[0], neutral="true").json()
    assert [clip["added"] for clip in first["clips"]] == [True, False]
    assert (first["speaker"]["clips"], first["speaker"]["neutral_clips"]) == (1, 1)
    assert first["speaker"]["expires"] > first["speaker"]["changed"]
    (listed,) = call(service, "GET", "/v1/speakers").json()["speakers"]
    assert listed == first["speaker"]
    (file,) = folder.rglob("served-speakers/*.json")
    assert "Zo" not in file.name

    query = f"?speaker={quote(NAME)}"
    (adapted,) = predict(service, query).json()["predictions"]
    assert adapted["adaptation"].startswith("neutral baseline of 1 clip (")
    both = predict(
        service, query, statistics=json.dumps(json.loads(file.read_text())["statistics"])
    )
    assert code_of(both) == (422, "parameter")
    rows = read_rows(call(service, "POST", f"/v1/timeline{query}", CLIPS[2]))
    assert {row["adaptation"] for row in rows if not row["finding"]} == {adapted["adaptation"]}

    second = call(service, "POST", f"{path}?again=true", CLIPS[1]).json()
    assert (second["speaker"]["clips"], second["speaker"]["neutral_clips"]) == (1, 0)
    call(service, "POST", path, CLIPS[0])
    assert code_of(call(service, "POST", path, CLIPS[2])) == (409, "speakers-full")
    assert call(service, "POST", "/v1/speakers/Ben", CLIPS[0]).status_code == 200
    assert code_of(call(service, "POST", "/v1/speakers/Cem", CLIPS[0])) == (409, "speakers-full")
    assert call(service, "DELETE", "/v1/speakers/Ben").json() == {"deleted": 1}
    assert code_of(call(service, "DELETE", "/v1/speakers/Ben")) == (404, "speaker")
    assert call(service, "DELETE", path).json() == {"deleted": 1}
    assert code_of(predict(service, query)) == (404, "speaker")
    log = service.written()
    assert "/v1/speakers/{name}" in log
    assert not any(part in log for part in ("Zo", "%C3%AB", "Ben", "Cem", "李"))


@pytest.mark.parametrize("name", ["%20", "a%00b", "%5C..%5C", "x" * 101, "%E2%80%AEx"])
def test_what_is_no_name(service: ServiceProcess, name: str) -> None:
    assert code_of(call(service, "POST", f"/v1/speakers/{name}", CLIPS[0])) == (
        422,
        "speaker-name",
    )
    assert code_of(call(service, "DELETE", f"/v1/speakers/{name}")) == (422, "speaker-name")
    assert code_of(predict(service, f"?speaker={name}")) == (422, "speaker-name")


def test_a_path_is_no_speaker(service: ServiceProcess, folder: Path) -> None:
    response = call(service, "POST", "/v1/speakers/..%2F..%2Fx", CLIPS[0])
    assert response.status_code in (404, 405)
    assert not list(folder.rglob("served-speakers/*.json"))


def test_a_timeline_adapts_as_it_goes(service: ServiceProcess) -> None:
    clip = encoded(voice(16000, 4, 0.5), 16000)
    answer = call(service, "POST", "/v1/timeline?adapt=true&window=1&hop=0.5", clip)
    rows = [row for row in read_rows(answer) if not row["finding"]]
    assert rows[0]["adaptation"] == ""
    assert rows[-1]["adaptation"].startswith("unlabelled, ")
    streamed = requests.post(
        f"{service.address}/v1/timeline?adapt=true&window=1&hop=0.5",
        data=iter([clip[:30_000], clip[30_000:]]),
        headers={"X-API-Key": KEY, "Content-Type": "audio/wav"},
        timeout=120,
    )
    assert [row for row in read_rows(streamed) if not row["finding"]] == rows


def read_rows(response: requests.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    _, *rows, _ = map(json.loads, response.text.splitlines())
    return rows


def test_a_key_is_wanted_for_all_of_it(service: ServiceProcess) -> None:
    for method, path in (("POST", "/v1/enrol"), ("GET", "/v1/speakers"), ("POST", "/v1/speakers/A"),
                         ("DELETE", "/v1/speakers/A")):  # fmt: skip
        response = requests.request(method, f"{service.address}{path}", timeout=60)
        assert response.status_code == 401


def test_openapi_has_examples(service: ServiceProcess) -> None:
    paths = call(service, "GET", "/openapi.json").json()["paths"]
    routes = [
        paths["/v1/enrol"]["post"],
        paths["/v1/speakers"]["get"],
        paths["/v1/speakers/{name}"]["post"],
        paths["/v1/speakers/{name}"]["delete"],
    ]
    for route in routes:
        assert route["responses"]["200"]["content"]["application/json"]["example"]
    form = paths["/v1/enrol"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "statistics", "neutral"}


def test_after_a_promotion_people_are_enrolled_again(service: ServiceProcess, folder: Path) -> None:
    call(service, "POST", "/v1/speakers/Ana", CLIPS[0], neutral="true")
    number = register_adapting_version(folder / "2", other_space=True)
    until(lambda: service.version == number, service, 300)
    refused = predict(service, "?speaker=Ana")
    assert code_of(refused) == (409, "other-space")
    message = refused.json()["error"]["message"]
    assert "version 1" in message
    assert f"version {number}" in message
    assert "enrol the 1 neutral clip again" in message
    again = call(service, "POST", "/v1/speakers/Ana", CLIPS[0], neutral="true")
    assert again.json()["speaker"]["clips"] == 1
    assert predict(service, "?speaker=Ana").status_code == 200

    plain = register_version(
        folder / "3", None, alias="champion", network=new_network("sad", seed=3)
    )
    until(lambda: service.version == plain, service, 300)
    assert code_of(predict(service, "?speaker=Ana")) == (409, "no-adaptation")
    assert code_of(call(service, "POST", "/v1/enrol", CLIPS[0])) == (409, "no-adaptation")
    assert code_of(call(service, "POST", "/v1/timeline?adapt=true", CLIPS[0])) == (
        409,
        "no-adaptation",
    )
    assert predict(service).status_code == 200


def test_a_service_keeps_nothing_unless_told(registry: str, folder: Path) -> None:
    with running_service(folder / "off", registry, "--workers", "1") as service:
        for method, path in (("GET", "/v1/speakers"), ("DELETE", "/v1/speakers/A"),
                             ("POST", "/v1/speakers/A"), ("POST", "/v1/predict?speaker=A"),
                             ("POST", "/v1/timeline?speaker=A")):  # fmt: skip
            response = call(service, method, path, *[CLIPS[0]] * (method == "POST"))
            assert code_of(response) == (403, "speakers-off")
            assert "serving.speakers.keep" in response.json()["error"]["message"]
