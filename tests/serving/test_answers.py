"""Every door of the service gives the answer of the registered version, to the last bit."""

import base64
import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import tritonclient.http as triton
from helpers.registered_versions import NAME, new_network, new_predictions, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    running_service,
)
from helpers.sounds import encoded, voice

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.inference.prediction import Prediction
from avemo.registry.predictor import RegisteredModel
from avemo.serving.exports import FORMATS
from avemo.serving.notice import NOTICE

pytestmark = pytest.mark.slow

CLIPS = [
    encoded(voice(16000, seconds, level), 16000, format)
    for seconds, level, format in ((1, 0.5, "wav-16"), (2, 0.3, "flac-16"), (1.5, 0.7, "opus"))
]
BROKEN = b"this is no media"
TEXTS = [base64.b64encode(clip).decode() for clip in CLIPS]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("registry")
    with module_registry(folder, empty_database) as uri:
        register_version(
            folder / "1",
            new_predictions(0.6),
            alias="champion",
            network=new_network("sad", seed=7),
            lineage={"licences": {"RAVDESS": "CC BY-NC-SA 4.0"}},
        )
        yield uri


@pytest.fixture(scope="module")
def service(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("service")
    project = new_serving_project(folder / "project", max_files=5, purpose="a test")
    with running_service(folder / "run", registry, project=project) as service:
        yield service


@pytest.fixture(scope="module")
def expected(registry: str) -> list[Prediction]:
    """What the library predicts for each clip."""
    model = RegisteredModel(f"models:/{NAME}@champion")
    predictions = [model.predict(clip) for clip in CLIPS]
    assert len({prediction.probability for prediction in predictions}) == len(CLIPS)
    return predictions


def probabilities(expected: list[Prediction]) -> list[dict[str, float]]:
    return [dict(prediction.probabilities) for prediction in expected]


def test_a_body_is_a_clip(service: ServiceProcess, expected: list[Prediction]) -> None:
    response = service.predict(CLIPS[0])
    assert response.status_code == 200
    assert response.headers["x-avemo-model"] == f"{NAME}/1"
    body = response.json()
    assert (body["model"]["name"], body["model"]["version"]) == (NAME, "1")
    (prediction,) = body["predictions"]
    assert prediction["probabilities"] == probabilities(expected)[0]
    assert prediction["emotion"] == expected[0].emotion == "sad"
    assert prediction["probability"] == expected[0].probability
    assert prediction["model"] == expected[0].model == f"{NAME} version 1"
    assert prediction["synthetic"] is False


def test_a_form_has_many_clips_and_one_that_is_broken_costs_its_own_answer(
    service: ServiceProcess, expected: list[Prediction]
) -> None:
    files = [("file", (f"clip {n}.wav", clip)) for n, clip in enumerate(CLIPS)]
    files.insert(1, ("other", ("notes.txt", BROKEN)))
    response = service.post("/v1/predict", {"a field": "that is no file"}, files=files)
    rows = response.json()["predictions"]
    assert [row["file"] for row in rows] == ["clip 0.wav", "notes.txt", "clip 1.wav", "clip 2.wav"]
    broken = rows.pop(1)
    assert (broken["finding"], broken["probability"]) == ("unreadable", None)
    assert "clip is no media" in broken["reason"] or "media" in broken["reason"]
    assert [row["probabilities"] for row in rows] == probabilities(expected)


def test_mlflows_formats(service: ServiceProcess, expected: list[Prediction]) -> None:
    bodies: list[dict[str, Any]] = [
        {"dataframe_split": {"columns": ["media"], "data": [[text] for text in TEXTS]}},
        {"dataframe_records": [{"media": text} for text in TEXTS]},
        {"instances": [{"media": text} for text in TEXTS]},
        {"instances": TEXTS},
        {"inputs": {"media": TEXTS}},
    ]
    for body in bodies:
        rows = service.post("/invocations", json=body).json()["predictions"]
        for row, prediction in zip(rows, expected, strict=True):
            assert {name: row[f"p_{name}"] for name in EMOTIONS} == prediction.probabilities
            assert row["emotion"] == prediction.emotion
    table = {"columns": ["media"], "data": [["/etc/passwd"], [7], [TEXTS[0]]]}
    rows = service.post("/invocations", json={"dataframe_split": table}).json()["predictions"]
    assert [row["finding"] for row in rows] == ["unreadable", "unreadable", ""]
    assert rows[0]["p_calm"] is None
    assert rows[0]["reason"].startswith("text is taken as a file's content in base64")
    response = service.post("/invocations", json={"table": []})
    assert response.status_code == 400
    assert response.json()["error_code"] == "FORMAT"


@pytest.mark.parametrize("binary_in", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("binary_out", [True, False], ids=["binary", "json"])
def test_a_stock_client_of_the_open_inference_protocol(
    service: ServiceProcess, expected: list[Prediction], binary_in: bool, binary_out: bool
) -> None:
    with triton.InferenceServerClient(service.address.removeprefix("http://")) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(NAME)
        assert client.is_model_ready(NAME, "1")
        metadata = client.get_model_metadata(NAME)
        assert metadata["inputs"] == [{"name": "media", "datatype": "BYTES", "shape": [-1]}]
        elements = [*CLIPS, BROKEN] if binary_in else [*(text.encode() for text in TEXTS), b"%"]
        tensor = triton.InferInput("media", [4], "BYTES")
        tensor.set_data_from_numpy(np.array(elements, dtype=object), binary_data=binary_in)
        names = [output["name"] for output in metadata["outputs"]]
        outputs = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in names]
        result = client.infer(NAME, [tensor], outputs=outputs, request_id="a-request")
        everything = client.infer(NAME, [tensor])
    assert result.get_response()["id"] == "a-request"
    assert result.get_response()["model_version"] == "1"
    rows = result.as_numpy("probabilities")
    assert rows.shape == (4, len(EMOTIONS))
    classes = result.get_response()["parameters"]["classes"].split(",")
    for row, prediction in zip(rows, expected, strict=False):
        assert dict(zip(classes, row, strict=True)) == prediction.probabilities
    assert np.isnan(rows[3].astype(float)).all()
    found = [
        text if isinstance(text, str) else text.decode() for text in result.as_numpy("finding")
    ]
    assert found == ["", "", "", "unreadable"]
    np.testing.assert_array_equal(everything.as_numpy("probabilities"), rows)


def test_the_protocol_in_plain_json(service: ServiceProcess, expected: list[Prediction]) -> None:
    tensor = {"name": "media", "shape": [1], "datatype": "BYTES", "data": [TEXTS[0]]}
    body: dict[str, Any] = {
        "id": "42",
        "inputs": [tensor],
        "outputs": [{"name": "probability"}],
    }
    response = service.post(f"/v2/models/{NAME}/infer", json=body)
    assert response.json()["outputs"] == [
        {"name": "probability", "datatype": "FP64", "shape": [1], "data": [expected[0].probability]}
    ]
    for path, change, status in (
        (f"/v2/models/{NAME}/versions/2/infer", {}, 404),
        ("/v2/models/other/infer", {}, 404),
        (f"/v2/models/{NAME}/infer", {"inputs": []}, 400),
        (f"/v2/models/{NAME}/infer", {"outputs": [{"name": "logits"}]}, 400),
        (f"/v2/models/{NAME}/infer", {"inputs": [tensor | {"shape": [2]}]}, 400),
    ):
        refused = service.post(path, json=body | change)
        assert refused.status_code == status, path
        assert isinstance(refused.json()["error"], str)


def test_a_timeline_comes_while_the_upload_does(service: ServiceProcess, registry: str) -> None:
    clip = encoded(voice(16000, 6), 16000)

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(clip), 20_000):
            yield clip[start : start + 20_000]

    path, kind = "/v1/timeline?window=2&hop=1", {"Content-Type": "audio/wav"}
    streamed = service.post(path, chunks(), headers=kind)
    at_once = service.post(path, files={"file": ("a.wav", clip)})
    assert streamed.status_code == 200, streamed.text
    lines = [json.loads(line) for line in streamed.text.splitlines()]
    assert lines[0]["model"]["version"] == "1"
    assert (lines[0]["window"], lines[0]["hop"], lines[0]["notice"]) == (2.0, 1.0, NOTICE)
    rows = lines[1:-1]
    assert lines[-1] == {"end": True, "duration": rows[-1]["end"], "rows": len(rows)}
    assert at_once.text == streamed.text
    model = RegisteredModel(f"models:/{NAME}@champion")
    assert [row.to_dict() for row in model.timeline(clip, window_s=2, hop_s=1)] == rows
    exported = {name: service.post(f"/v1/export/{name}", streamed.content) for name in FORMATS}
    assert {response.status_code for response in exported.values()} == {200}
    assert [line["start"] for line in csv.DictReader(io.StringIO(exported["csv"].text))] != []
    assert json.loads(exported["json"].content)["model"] == f"{NAME} version 1"
    assert service.post("/v1/export/csv", BROKEN).status_code == 400
    huge = json.dumps(lines[0]) + "\n" + json.dumps(rows[0] | {"exact": ["1e99999999"] * 4})
    assert service.post("/v1/export/csv", huge).status_code == 400
    broken = service.post("/v1/timeline", BROKEN, headers=kind)
    assert (broken.status_code, broken.json()["error"]["code"]) == (422, "unreadable")


def test_the_version_says_what_it_is_for_and_what_not(service: ServiceProcess) -> None:
    body = requests.get(f"{service.address}/v1/model", timeout=10).json()
    assert (body["name"], body["version"], body["alias"]) == (NAME, "1", "champion")
    assert body["classes"] == list(EMOTIONS)
    assert body["notice"] == NOTICE
    assert "Article 50(3)" in NOTICE
    assert body["purpose"] == "a test"
    assert any("hiring" in use for use in body["uses"]["forbidden"])
    assert body["corpus_licences"] == {"RAVDESS": "CC BY-NC-SA 4.0"}
    assert 0.4 < body["figures"]["uar"] < 0.8
    assert (body["window_s"], body["hop_s"]) == (3.0, 1.0)


def test_the_registry_as_the_page_shows_it(service: ServiceProcess) -> None:
    body = requests.get(f"{service.address}/v1/registry", timeout=60).json()
    assert (body["champion"], body["candidate"], body["previous"]) == ("1", None, None)
    (version,) = body["versions"]
    assert version["aliases"] == ["champion"]
    assert version["figures"]["test_uar"] == 0.5
    assert version["sealed"] is True
    assert version["check"] is None
    response = requests.get(f"{service.address}/v1/registry/versions/1/card", timeout=60)
    assert response.json()["error"]["code"] == "no-card"


def test_health(service: ServiceProcess) -> None:
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert requests.get(f"{service.address}{path}", timeout=10).status_code == 200
        head = requests.head(f"{service.address}{path}", timeout=10)
        assert (head.status_code, head.content) == (200, b"")
    assert service.ready()["registry"]["answers"] is True
    metrics = requests.get(f"{service.address}/metrics", timeout=10).text
    assert "avemo_ready 1.0" in metrics
    assert f'avemo_version_info{{name="{NAME}",version="1"}} 1.0' in metrics


def test_the_pages_come_with_a_strict_policy(service: ServiceProcess) -> None:
    for path, kind in (("/", "text/html"), ("/registry", "text/html"), ("/static/js/main.js", "")):
        response = requests.get(f"{service.address}{path}", timeout=10)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(kind or "text/javascript")
        assert "default-src 'none'" in response.headers["content-security-policy"]
    session = requests.Session()
    request = session.prepare_request(requests.Request("GET", service.address))
    request.url = f"{service.address}/static/../app.py"
    assert session.send(request).status_code == 404


def test_openapi_has_a_real_example(service: ServiceProcess) -> None:
    document = requests.get(f"{service.address}/openapi.json", timeout=10).json()
    operation = document["paths"]["/v1/predict"]["post"]
    example = operation["responses"]["200"]["content"]["application/json"]["example"]
    (row, *_) = example["predictions"]
    assert math.fsum(row["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert set(row["probabilities"]) == set(EMOTIONS)
    answer = service.predict(CLIPS[0]).json()
    assert answer.keys() == example.keys()
    assert answer["predictions"][0].keys() == row.keys()
    assert "multipart/form-data" in operation["requestBody"]["content"]


def test_ids_go_in_and_out(service: ServiceProcess) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    own = {"X-Request-Id": "mine-1", "traceparent": trace}
    response = requests.get(f"{service.address}/healthz", headers=own, timeout=10)
    assert response.headers["x-request-id"] == "mine-1"
    version, trace_id, parent, flags = response.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "01")
    assert parent != "b7ad6b7169203331"
    hostile = {"X-Request-Id": "a b", "traceparent": "00-xyz"}
    response = requests.get(f"{service.address}/nothing", headers=hostile, timeout=10)
    error = response.json()["error"]
    assert error["code"] == "not-found"
    assert error["request_id"] == response.headers["x-request-id"] != "a b"
    assert response.headers["traceparent"].startswith("00-")


def test_no_other_site_can_use_it(service: ServiceProcess) -> None:
    response = requests.get(f"{service.address}/healthz", timeout=10)
    assert "access-control-allow-origin" not in response.headers
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]
    other = service.predict(CLIPS[0], kind="audio/wav")
    assert other.status_code == 200
    for headers, status in (
        ({"Origin": "https://example.org"}, 403),
        ({"Origin": service.address}, 200),
        ({"Host": "rebound.example.org"}, 421),
    ):
        response = requests.get(f"{service.address}/v1/model", headers=headers, timeout=10)
        assert response.status_code == status, headers


def test_wrong_requests_are_told_what_is_expected(service: ServiceProcess) -> None:
    many = [("file", (f"{n}.wav", CLIPS[0])) for n in range(6)]
    form = {"Content-Type": "multipart/form-data; boundary=abc"}
    for response, status, code in (
        (service.post("/v1/predict", json={"media": TEXTS[0]}), 415, "content-type"),
        (service.post("/v1/predict", files=many), 413, "too-many-files"),
        (service.post("/v1/predict", b"no form", headers=form), 400, "form"),
        (service.post("/v1/predict", b"--abc\r\n\r\n", headers=form), 400, "form"),
        (service.post("/v1/predict", files={"a": (None, "text")}), 422, "no-file"),
        (service.post("/v1/timeline?window=0", CLIPS[0]), 422, "parameter"),
        (service.post("/v1/timeline?window=2&hop=3", CLIPS[0]), 422, "parameter"),
        (requests.get(f"{service.address}/v1/predict", timeout=10), 405, "method"),
        (service.post("/hooks/mlflow", b"{}"), 404, "not-found"),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_no_file_name_gets_into_the_log_and_no_upload_stays(
    service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    service.post("/v1/predict?name=secret-query", files={"file": ("secret-name.wav", CLIPS[0])})
    requests.get(f"{service.address}/secret-path", timeout=10)
    written = service.written()
    assert "POST /v1/predict 200" in written
    assert "secret" not in written
    spools = list(service.log.parent.glob("avemo-spool-*"))
    assert len(spools) == 1
    assert [file.name for file in spools[0].iterdir()] == ["lock"]
    assert spools[0].stat().st_mode & 0o077 == 0
