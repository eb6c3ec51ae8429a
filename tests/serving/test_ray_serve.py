"""The same application on Ray Serve: its answers, a replica that dies, and the alias."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import mlflow
import psutil
import pytest
import requests
from helpers.registered_versions import NAME, ROOT, new_network, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    running_service,
    until,
)
from helpers.sounds import encoded, voice

from avemo.registry.predictor import RegisteredModel

pytestmark = pytest.mark.slow
pytest.importorskip("ray.serve", reason="Ray Serve is not installed")

CLIP = encoded(voice(16000), 16000)


class Cluster(NamedTuple):
    """A cluster of one node on this machine."""

    address: str
    node: psutil.Process

    def replicas(self) -> list[psutil.Process]:
        children = self.node.children(recursive=True)
        return [child for child in children if "ServeReplica" in " ".join(child.cmdline())]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    # a short path: Ray's sockets stand in it
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"]
        command += ["--port", address.partition(":")[2], "--temp-dir", folder, "--num-cpus=3"]
        command += ["--include-dashboard=false", "--object-store-memory=100000000"]
        environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
        node = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        process = psutil.Process(node.pid)
        try:
            yield Cluster(address, process)
        finally:
            for node_process in [*process.children(recursive=True), process]:
                node_process.kill()
            node.wait()


@pytest.fixture(scope="module")
def service(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("ray")
    project = new_serving_project(folder / "project", poll_s=0.5)
    with module_registry(folder, empty_database) as registry:
        register_version(folder / "1", None, alias="champion", network=new_network("sad", seed=7))
        options = ["--engine", "ray", "--ray-address", cluster.address, "--workers", "1"]
        options += ["--replicas", "2", "2"]
        with running_service(folder / "run", registry, *options, project=project) as service:
            yield service


def test_it_answers_as_the_version_does(service: ServiceProcess) -> None:
    expected = RegisteredModel(f"models:/{NAME}@champion").predict(CLIP)
    (row,) = service.predict(CLIP).json()["predictions"]
    assert row["probabilities"] == expected.probabilities
    lines = service.post("/v1/timeline", CLIP, headers={"Content-Type": "audio/wav"}).text
    assert lines.splitlines()[-1].startswith('{"end": true')


def test_the_alias_moves_every_replica(service: ServiceProcess, tmp_path: Path) -> None:
    number = register_version(tmp_path / "2", None, network=new_network("happy"))
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", number)
    emotions: list[str] = []

    def all_switched() -> bool:
        response = service.predict(CLIP)
        assert response.status_code == 200
        emotions.append(response.json()["predictions"][0]["emotion"])
        return emotions[-20:] == ["happy"] * 20

    until(all_switched, service)


def test_who_asks_again_is_answered_though_a_replica_dies(
    service: ServiceProcess, cluster: Cluster
) -> None:
    def ask(number: int) -> bool:
        for _ in range(30):
            try:
                if service.predict(CLIP).status_code == 200:
                    return True
            except requests.RequestException:
                pass
            time.sleep(1)
        return False

    first, _ = cluster.replicas()
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(ask, range(60))
        time.sleep(0.5)
        first.kill()
        assert list(answers) == [True] * 60


def test_a_signal_ends_it(service: ServiceProcess) -> None:
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(60) == 0
