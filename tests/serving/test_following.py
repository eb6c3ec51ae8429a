"""The alias is the deployment: what it names answers, if it can, and no request fails meanwhile."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import psutil
import pytest
import requests
from helpers.altered_code import append_code, slow_down
from helpers.registered_versions import NAME, new_network, register_version
from helpers.servers import small_mlflow_server
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    running_service,
    until,
)
from helpers.sounds import encoded, voice
from mlflow.webhooks.delivery import _generate_hmac_signature

from avemo.pretrained import assets
from avemo.registry.example import EXAMPLE_FILE
from avemo.tracking import store

pytestmark = pytest.mark.slow

CLIP = encoded(voice(16000), 16000)
#: an answer that none of the versions gives for its example
HAPPY = {"emotion": "happy", "probability": 1.0, "p_happy": 1.0, "finding": "", "reason": ""}
SECRET = "the secret of the webhook"


def set_champion(version: str) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", version)


CRASH = "\n\nimport os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
HANG = "\n\nimport time\ntime.sleep(3600)\n"
RAISE = "\n\nraise RuntimeError('it cannot be loaded')\n"
LIE = """

_predict = Recogniser.predict


def _otherwise(self, media, **more):
    prediction = _predict(self, media, **more)
    return Prediction(dict(prediction.probabilities) | {"sad": 0.5})


Recogniser.predict = _otherwise
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    with module_registry(tmp_path_factory.mktemp("registry"), empty_database) as uri:
        yield uri


@pytest.fixture(scope="module")
def versions(registry: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Versions by what they do; two answer, the others must not."""
    folder = tmp_path_factory.mktemp("versions")
    alterations = {"raises": RAISE, "crashes": CRASH, "hangs": HANG, "lies": LIE}
    numbers = {
        emotion: register_version(folder / emotion, None, network=new_network(emotion))
        for emotion in ("sad", "happy")
    }
    for name, code in alterations.items():
        numbers[name] = register_version(
            folder / name, None, network=new_network("sad"), alter=append_code(code)
        )
    numbers["NaN"] = register_version(
        folder / "NaN", None, network=new_network("sad", operator="Log")
    )
    numbers["flipped"] = register_version(folder / "flipped", None, network=new_network("calm"))
    flip_byte(numbers["flipped"])
    numbers["otherwise"] = register_version(
        folder / "otherwise",
        None,
        network=new_network("sad"),
        beside={EXAMPLE_FILE: json.dumps(HAPPY)},
    )
    return numbers


def flip_byte(version: str) -> None:
    """Change a byte of a version's network in the registry's files."""
    (file,) = stored_files(version).rglob("network.onnx")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def stored_files(version: str) -> Path:
    uri = mlflow.MlflowClient().get_model_version_download_uri(NAME, version)
    return Path(uri.removeprefix("file://"))


@pytest.fixture(scope="module")
def service(
    registry: str, versions: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("following")
    set_champion(versions["sad"])
    secret = folder / "secret"
    secret.write_text(SECRET)
    project = new_serving_project(folder / "project", poll_s=0.5, load_timeout_s=300.0)
    options = ("--webhook-secret-file", str(secret))
    with running_service(folder / "run", registry, *options, project=project) as service:
        yield service


class Load:
    """Clients that ask again and again, and what they got."""

    def __init__(self, service: ServiceProcess, clients: int) -> None:
        self.service = service
        self.answers: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        session = requests.Session()
        while not self._stop.is_set():
            try:
                response = session.post(
                    f"{self.service.address}/v1/predict",
                    CLIP,
                    headers={"Content-Type": "audio/wav"},
                    timeout=30,
                )
                answer = f"{response.status_code}"
                if response.ok:
                    (row,) = response.json()["predictions"]
                    answer += f" {row['emotion']} {row['model']}"
            except requests.RequestException as error:
                answer = type(error).__name__
            with self._lock:
                self.answers[answer] += 1
            time.sleep(0.2)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def load_on(service: ServiceProcess, clients: int = 4) -> Iterator[Load]:
    with Load(service, clients) as load:
        yield load


def test_promotions_and_a_rollback_lose_no_request(
    service: ServiceProcess, versions: dict[str, str]
) -> None:
    sad, happy = versions["sad"], versions["happy"]
    with load_on(service) as load:
        for version in (happy, sad, happy, sad):
            set_champion(version)
            until(lambda version=version: service.version == version, service)  # type: ignore[misc]
            time.sleep(0.5)
    expected = {f"200 sad {NAME} version {sad}", f"200 happy {NAME} version {happy}"}
    assert set(load.answers) == expected
    assert min(load.answers.values()) > 0
    assert service.written().count("has answered its last request") >= 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("flipped", "network.onnx is changed"),
        ("raises", "it cannot be loaded"),
        ("crashes", "SIGSEGV"),
        ("NaN", "what is no number"),
        ("lies", "add up to"),
        ("otherwise", "recorded is happy"),
    ],
)
def test_a_version_that_fails_never_answers(
    service: ServiceProcess, versions: dict[str, str], name: str, reason: str
) -> None:
    label = f"{NAME} version {versions[name]}"
    with load_on(service) as load:
        set_champion(versions[name])
        until(lambda: (service.ready()["refused"] or {}).get("version") == label, service)
        body = service.ready()
    assert reason in body["refused"]["reason"]
    assert body["ready"] is True
    assert body["model"]["version"] == versions["sad"]
    assert set(load.answers) == {f"200 sad {NAME} version {versions['sad']}"}
    assert f"{label} may not answer" in service.written()
    set_champion(versions["sad"])
    until(lambda: service.ready()["refused"] is None, service)


def test_a_version_that_hangs_never_answers(
    registry: str, versions: dict[str, str], tmp_path: Path
) -> None:
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(NAME, "hanging", versions["sad"])
    project = new_serving_project(tmp_path / "project", poll_s=0.2, load_timeout_s=5.0)
    options = ("--alias", "hanging")
    with running_service(tmp_path / "run", registry, *options, project=project) as service:
        client.set_registered_model_alias(NAME, "hanging", versions["hangs"])
        until(lambda: service.ready()["refused"] is not None, service)
        body = service.ready()
        assert body["refused"]["version"] == f"{NAME} version {versions['hangs']}"
        assert "did not load and answer within 5 s" in body["refused"]["reason"]
        assert service.predict(CLIP).json()["model"]["version"] == versions["sad"]


def test_the_webhook_is_a_hint(service: ServiceProcess) -> None:
    body = json.dumps({"entity": "model_version_alias", "action": "created", "data": {}})
    sent_at = str(int(time.time()))
    signature = _generate_hmac_signature(SECRET, "delivery-1", sent_at, body)
    headers = {
        "X-MLflow-Delivery-Id": "delivery-1",
        "X-MLflow-Timestamp": sent_at,
        "X-MLflow-Signature": signature,
    }
    post = service.post
    assert post("/hooks/mlflow", body, headers=headers).status_code == 202
    assert post("/hooks/mlflow", body + " ", headers=headers).status_code == 401
    old = headers | {"X-MLflow-Timestamp": str(int(time.time()) - 3600)}
    assert post("/hooks/mlflow", body, headers=old).status_code == 401
    assert post("/hooks/mlflow", body).status_code == 401


def test_the_registry_away_is_no_reason_not_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tracking server is killed; versions go on, and the service says since when it is away."""
    project = new_serving_project(tmp_path / "project", poll_s=0.5)
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    with small_mlflow_server(tmp_path) as (uri, group):
        monkeypatch.setenv(store.TRACKING_URI, uri)
        mlflow.create_experiment("avemo/audio")
        number = register_version(
            tmp_path / "1", None, alias="champion", network=new_network("sad")
        )
        with running_service(tmp_path / "run", uri, project=project) as service:
            with load_on(service) as load:
                os.killpg(group, signal.SIGKILL)
                until(lambda: not service.ready()["registry"]["answers"], service)
                time.sleep(2)
                body = service.ready()
                assert requests.get(f"{service.address}/v1/registry", timeout=60).status_code == 503
            assert set(load.answers) == {f"200 sad {NAME} version {number}"}
            assert body["ready"] is True
            assert body["registry"]["away_since"]
            assert uri in body["registry"]["trouble"]
            metrics = requests.get(f"{service.address}/metrics", timeout=10).text
            assert "avemo_registry_away_seconds 0.0" not in metrics
            assert "Traceback" not in service.written()


def test_a_signal_does_not_wait_for_a_version_that_is_tried(
    registry: str, versions: dict[str, str], tmp_path: Path
) -> None:
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(NAME, "other", versions["sad"])
    project = new_serving_project(tmp_path / "project", poll_s=0.2)
    options = ("--alias", "other")
    with running_service(tmp_path / "run", registry, *options, project=project) as service:
        client.set_registered_model_alias(NAME, "other", versions["hangs"])
        label = f"loading {NAME} version {versions['hangs']}"
        until(lambda: service.ready()["activity"] == label, service)
        time.sleep(1.5)
        children = psutil.Process(service.process.pid).children(recursive=True)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
    psutil.wait_procs(children, timeout=60)
    assert [child for child in children if child.is_running()] == []


def test_a_signal_lets_it_finish_what_it_has_begun(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = register_version(
        tmp_path / "slow", None, alias="slow", network=new_network("sad"), alter=slow_down("1.0")
    )
    options = ("--alias", "slow", "--workers", "1")
    with running_service(tmp_path / "run", registry, *options) as service:
        answers: list[requests.Response] = []
        threads = [
            threading.Thread(target=lambda: answers.append(service.predict(CLIP))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        service.process.send_signal(signal.SIGTERM)
        until(lambda: service.ready()["reason"] == "the service is being stopped", service)
        refused = service.predict(CLIP)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "stopping")
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [200] * 3
        assert answers[0].json()["model"]["version"] == number
        assert service.process.wait(10) == 0
        assert list(service.log.parent.glob("avemo-spool-*")) == []
