"""A candidate beside the champion, in a real service: what it does changes no answer.

Its report decides at the gate.
"""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
import psutil
import pytest
import requests
import yaml
from helpers.altered_code import append_code
from helpers.registered_versions import NAME, new_network, new_predictions, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    running_service,
    until,
)
from helpers.sounds import encoded, voice

from avemo.config import load_settings
from avemo.paths import open_project
from avemo.registry.gate import judge_version
from avemo.registry.shadow_report import ShadowReport
from avemo.registry.shadow_store import read_stored_report
from avemo.tracking import integrity

pytestmark = pytest.mark.slow

RATE = 16000
SOURCES = 6
#: the version answers its example as it should, and does otherwise from the next clip on
LATER = """

_predict = Recogniser.predict
_calls = []


def _later(self, media, **more):
    _calls.append(1)
    prediction = _predict(self, media, **more)
    if len(_calls) > 1:
        {}
    return prediction


Recogniser.predict = _later
"""
CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
HANG = "import time; time.sleep(3600)"
RAISE = "raise RuntimeError('it fails')"
UNSOUND = "return Prediction(dict.fromkeys(prediction.probabilities, float('nan')))"
OTHER_CLASSES = "return Prediction({'smug': 1.0})"
SWAP = """swapped = dict(prediction.probabilities)
        swapped['sad'], swapped['angry'] = swapped['angry'], swapped['sad']
        return Prediction(swapped)"""
#: finds some of the clips sad and some angry
NETWORK = new_network("sad", seed=1, spread=0.2)


def new_clips(count: int) -> list[bytes]:
    """Return sounds of other pitch, length and loudness each."""
    random = np.random.default_rng(7)
    return [
        encoded(
            voice(RATE, seconds=0.6 + 0.05 * number, level=0.05 + 0.08 * (number % 6))
            + random.normal(0, 0.02 * (number % 4), round(RATE * (0.6 + 0.05 * number))),
            RATE,
        )
        for number in range(count)
    ]


CLIPS = new_clips(24)


def perturbed(network: bytes) -> bytes:
    """Return a network whose weights are by 1 in 10,000 others: what a second fit may come to."""
    model = onnx.load_from_string(network)
    random = np.random.default_rng(3)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(tensor)
            values = values * (1 + random.normal(0, 1e-4, values.shape)).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    with module_registry(tmp_path_factory.mktemp("registry"), empty_database) as uri:
        yield uri


@pytest.fixture(scope="module")
def versions(registry: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Versions by what they do; all are alike on the test part."""
    folder, table = tmp_path_factory.mktemp("versions"), new_predictions(0.85)
    numbers = {
        "champion": register_version(folder / "a", table, alias="champion", network=NETWORK),
        "perturbed": register_version(folder / "b", table, network=perturbed(NETWORK)),
    }
    for name, code in {
        "swapped": LATER.format(SWAP),
        "crash": LATER.format(CRASH),
        "deadline": LATER.format(HANG),
        "error": LATER.format(RAISE),
        "NaN": LATER.format(UNSOUND),
        "other classes": LATER.format(OTHER_CLASSES),
        "does not load": "\n\nraise RuntimeError('it cannot be loaded')\n",
    }.items():
        numbers[name] = register_version(
            folder / name, table, network=NETWORK, alter=append_code(code)
        )
    return numbers


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = new_serving_project(
        tmp_path_factory.mktemp("shadow") / "project",
        poll_s=0.3,
        timeout_s=15.0,
        shadow={"version": "shadow", "share": 1.0, "report_s": 2.0, "niceness": 0},
    )
    file = root / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["promotion"]["shadow"] = {"min_compared": 20, "min_sources": 5}
    file.write_text(yaml.safe_dump(params))
    return root


@pytest.fixture(scope="module")
def service(registry: str, versions: dict[str, str], project: Path) -> Iterator[ServiceProcess]:
    """A service whose alias of the shadow names no version yet."""
    with running_service(project.parent / "run", registry, project=project) as service:
        yield service


@pytest.fixture(scope="module")
def answers(service: ServiceProcess) -> list[Any]:
    """What the champion answers alone."""
    assert service.ready()["shadow"]["version"] == ""
    return ask_all(service)


def ask_all(service: ServiceProcess, clips: list[bytes] = CLIPS) -> list[Any]:
    """Return each answer as text, to the last digit; clients name their sources."""
    texts = []
    for number, clip in enumerate(clips):
        headers = {"Content-Type": "audio/wav", "X-Avemo-Source": f"person {number % SOURCES}"}
        response = service.post("/v1/predict", clip, headers=headers)
        assert response.status_code == 200, response.text
        texts.append(json.dumps(response.json()["predictions"]))
    return texts


def begin(service: ServiceProcess, number: str) -> None:
    """Let a version be compared."""
    mlflow.MlflowClient().set_registered_model_alias(NAME, "shadow", number)
    label = f"{NAME} version {number}"
    until(lambda: service.ready()["shadow"]["version"] == label, service)
    until(lambda: service.ready()["shadow"]["counts"] is not None, service)


def counts_of(service: ServiceProcess) -> dict[str, Any]:
    counts: dict[str, Any] = service.ready()["shadow"]["counts"]
    return counts


def wait_for_all(service: ServiceProcess) -> dict[str, Any]:
    """Wait until no clip waits for the candidate, and return the counts."""
    until(lambda: counts_of(service)["waiting"] == 0, service)
    return counts_of(service)


def ask_in_pieces(service: ServiceProcess) -> list[Any]:
    """Ask for all clips, no more at a time than may wait."""
    texts = []
    for start in range(0, len(CLIPS), SOURCES):
        texts += ask_all(service, CLIPS[start : start + SOURCES])
        wait_for_all(service)
    return texts


def report_of(service: ServiceProcess, number: str, attempts: int) -> ShadowReport:
    """Wait until a version's report is of so many clips, and return it."""

    def written() -> bool:
        report = read_stored_report(NAME, number)
        return report is not None and report.counts.attempts >= attempts

    until(written, service)
    report = read_stored_report(NAME, number)
    assert report
    return report


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "crash"),
        ("deadline", "deadline"),
        ("error", "error"),
        ("NaN", "bad-answer"),
        ("other classes", "bad-answer"),
    ],
)
def test_a_candidate_that_fails_changes_no_answer_and_is_counted(
    service: ServiceProcess,
    versions: dict[str, str],
    answers: list[Any],
    name: str,
    reason: str,
) -> None:
    begin(service, versions[name])
    clips = 1 if reason in ("crash", "deadline") else 3  # the process is started again
    assert ask_all(service, CLIPS[:clips]) == answers[:clips]
    counts = wait_for_all(service)
    assert (counts["requests"], counts["compared"]) == (clips, 0)
    assert counts["failed"] == {reason: clips}
    report = report_of(service, versions[name], clips)
    assert report.figures
    assert report.figures.agreement.value == 0
    assert report.candidate.number == versions[name]


def test_a_version_that_cannot_be_loaded_is_named_and_the_service_serves_on(
    service: ServiceProcess, versions: dict[str, str], answers: list[Any]
) -> None:
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(NAME, "shadow", versions["does not load"])
    until(lambda: service.ready()["shadow"]["refused"] is not None, service)
    body = service.ready()
    assert body["ready"]
    assert body["shadow"]["refused"]["version"] == f"{NAME} version {versions['does not load']}"
    assert "it cannot be loaded" in body["shadow"]["refused"]["reason"]
    assert ask_all(service, CLIPS[:2]) == answers[:2]
    metrics = requests.get(f"{service.address}/metrics", timeout=10).text
    assert "avemo_shadow_refused 1.0" in metrics
    assert "may not answer" in service.written()


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("swapped", "refused: agreement in shadow, distance in shadow"),
        ("perturbed", "passed"),
    ],
)
def test_the_report_decides_at_the_gate(
    service: ServiceProcess,
    versions: dict[str, str],
    answers: list[Any],
    project: Path,
    name: str,
    verdict: str,
) -> None:
    """Two classes that are swapped are refused; weights that differ by 1 in 10,000 pass."""
    assert len({json.loads(text)[0]["emotion"] for text in answers}) > 1
    begin(service, versions[name])
    assert ask_in_pieces(service) == answers
    counts = wait_for_all(service)
    assert counts["compared"] == len(CLIPS)
    report = report_of(service, versions[name], len(CLIPS))
    counted = report.counts
    assert counted.requests == counted.not_drawn + counted.drawn == len(CLIPS)
    assert report.figures
    assert (report.figures.clips, report.figures.sources) == (len(CLIPS), SOURCES)
    assert report.figures.candidate
    assert report.figures.candidate.processor_s.value > 0
    own = (NAME, versions[name], versions["champion"])
    assert judge_version(open_project(project), load_settings(project), *own) == verdict
    version = mlflow.MlflowClient().get_model_version(NAME, versions[name])
    assert integrity.verify_version(version) == []
    assert "person" not in report.model_dump_json()


def test_clips_that_come_too_fast_are_dropped_and_counted(
    service: ServiceProcess, versions: dict[str, str], answers: list[Any]
) -> None:
    begin(service, versions["deadline"])
    before = counts_of(service)
    assert ask_all(service) == answers
    counts = counts_of(service)
    assert counts["dropped"].get("backlog-full", 0) >= len(CLIPS) - 16 - 1
    request_count = counts["requests"] - before["requests"]
    assert request_count == len(CLIPS)
    attempts = counts["compared"] + sum(counts["failed"].values())
    total = attempts + sum(counts["dropped"].values()) + counts["waiting"] + counts["not_drawn"]
    assert total == counts["requests"]


def test_the_end_of_the_service_ends_the_candidate_and_writes_the_report(
    registry: str, versions: dict[str, str], project: Path, tmp_path: Path
) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "shadow", versions["champion"])
    params = yaml.safe_load((project / "params.yaml").read_text())
    options = ("--shadow", versions["perturbed"], "--share", "1")
    params["serving"]["shadow"] = {"version": "", "report_s": 3600.0, "niceness": 0}
    folder = new_serving_project(tmp_path / "project", **params["serving"])
    with running_service(tmp_path / "run", registry, *options, project=folder) as service:
        label = f"{NAME} version {versions['perturbed']}"
        until(lambda: service.ready()["shadow"]["version"] == label, service)
        until(lambda: service.ready()["shadow"]["counts"] is not None, service)
        ask_all(service, CLIPS[:6])
        wait_for_all(service)
        children = psutil.Process(service.process.pid).children(recursive=True)
        assert children
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(90) == 0
    psutil.wait_procs(children, timeout=10)
    assert [child for child in children if child.is_running()] == []
    (local,) = (folder / ".avemo" / "shadow").rglob("shadow.json")
    report = ShadowReport.read(local)
    assert (report.counts.requests, report.counts.compared) == (6, 6)
    assert list(service.log.parent.glob("avemo-spool-*")) == []


def test_a_service_that_is_killed_leaves_no_candidate(
    registry: str, versions: dict[str, str], project: Path, tmp_path: Path
) -> None:
    options = ("--shadow", versions["perturbed"])
    with running_service(tmp_path / "run", registry, *options, project=project) as service:
        until(lambda: service.ready()["shadow"]["version"] != "", service)
        children = psutil.Process(service.process.pid).children(recursive=True)
        service.process.kill()
        psutil.wait_procs(children, timeout=10)
        assert [child for child in children if child.is_running()] == []
