"""Clips answered by replicas on a cluster of two nodes, of which one dies."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import psutil
import pytest
from helpers.altered_code import slow_down
from helpers.ray_nodes import RayNodes, needs_ray, running_nodes
from helpers.registered_versions import NAME, ROOT, new_network, register_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    running_service,
    until,
)
from helpers.sounds import encoded, voice

from avemo.pretrained import assets
from avemo.registry.predictor import RegisteredModel
from avemo.tracking import store

pytestmark = [pytest.mark.slow, needs_ray]

CLIP = encoded(voice(16000), 16000)
CLIPS, CLIENTS = 200, 8
AGAIN = "a clip goes to another replica"
#: a tenth of the length of the clip, so that who is killed in a long one is at work
#: only for a clip of the service, and not for a path or bytes
DELAY_S = "len(media.sound(16000)) / 160000 if hasattr(media, 'sound') else 0"


@dataclass
class Cluster:
    """A head and a second node, with a cache of their own."""

    nodes: RayNodes
    cache: Path

    def replicas(self, number: int) -> list[psutil.Process]:
        children = self.nodes.nodes[number].children(recursive=True)
        return [child for child in children if "ServeReplica" in " ".join(child.cmdline())]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cache = tmp_path_factory.mktemp("cache")
    environment = os.environ | {"PYTHONPATH": str(ROOT), assets.CACHE: str(cache)}
    environment.pop(store.TRACKING_URI, None)
    options = ["--object-store-memory=100000000"]
    with running_nodes(2, environment=environment, options=options) as ray_nodes:
        yield Cluster(ray_nodes, cache)


@pytest.fixture(scope="module")
def service(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("ray")
    project = new_serving_project(folder / "project", poll_s=0.5)
    with module_registry(folder, empty_database) as registry:
        register_version(folder / "1", None, alias="champion", network=new_network("sad", seed=7))
        options = ["--engine", "ray", "--ray-address", cluster.nodes.address, "--workers", "1"]
        options += ["--replicas", "2", "2"]
        with running_service(folder / "run", registry, *options, project=project) as service:
            yield service


def test_it_answers_as_the_version_does(service: ServiceProcess, cluster: Cluster) -> None:
    expected = RegisteredModel(f"models:/{NAME}@champion").predict(CLIP)
    (row,) = service.predict(CLIP).json()["predictions"]
    assert row["probabilities"] == expected.probabilities
    (row,) = service.predict(b"no sound").json()["predictions"]
    assert row["finding"] == "unreadable"
    lines = service.post("/v1/timeline", CLIP, headers={"Content-Type": "audio/wav"}).text
    assert lines.splitlines()[-1].startswith('{"end": true')
    replicas = [cluster.replicas(node) for node in (0, 1)]
    assert [len(processes) for processes in replicas] == [1, 1]
    assert replicas[1][0].environ()["OMP_NUM_THREADS"] == "1"
    assert list((cluster.cache / "versions").glob(f"{NAME}-1-*")), "its files did not come over Ray"


def test_the_alias_moves_without_a_request_that_fails(
    service: ServiceProcess, tmp_path: Path
) -> None:
    network = new_network("happy", seed=8)
    number = register_version(tmp_path / "2", None, network=network, alter=slow_down(DELAY_S))
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", number)
    emotions: list[str] = []

    def switched() -> bool:
        response = service.predict(CLIP)
        assert response.status_code == 200, response.text
        emotions.append(response.json()["predictions"][0]["emotion"])
        return emotions[-20:] == ["happy"] * 20

    until(switched, service)
    assert set(emotions[: emotions.index("happy")]) <= {"sad"}
    assert set(emotions[emotions.index("happy") :]) == {"happy"}


def test_no_request_is_lost_with_a_node(service: ServiceProcess, cluster: Cluster) -> None:
    random = np.random.default_rng(5)
    sounds = [voice(16000, 0.5, 0.3) for _ in range(CLIPS)]
    clips = [encoded(sound + 0.05 * random.standard_normal(sound.shape), 16000) for sound in sounds]
    library = RegisteredModel(f"models:/{NAME}@champion")
    expected = [library.predict(clip).probabilities for clip in clips]
    assert len({tuple(row.values()) for row in expected}) == CLIPS

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = [pool.submit(service.predict, clip) for clip in clips]
        answers[CLIPS // 3].result()
        cluster.nodes.kill(1)
        unfinished = sum(not answer.done() for answer in answers)
        responses = [answer.result() for answer in answers]
    assert unfinished > CLIPS // 4, "the node died too late"
    assert [response.status_code for response in responses] == [200] * CLIPS
    answered = [response.json()["predictions"][0]["probabilities"] for response in responses]
    assert answered == expected


def test_a_clip_whose_replica_dies_goes_to_the_next(
    service: ServiceProcess, cluster: Cluster
) -> None:
    film = encoded(voice(16000, 15.0), 16000)
    expected = RegisteredModel(f"models:/{NAME}@champion").predict(film)
    (replica,) = cluster.replicas(0)
    before = service.written().count(AGAIN)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.predict, film)
        time.sleep(0.8)
        replica.kill()
        (row,) = answer.result().json()["predictions"]
    assert row["probabilities"] == expected.probabilities
    assert service.written().count(AGAIN) > before


def test_a_service_that_starts_again_takes_its_replicas_over(
    service: ServiceProcess, cluster: Cluster, tmp_path: Path
) -> None:
    service.process.kill()
    service.process.wait()
    assert len(cluster.replicas(0)) == 1
    options = ["--engine", "ray", "--ray-address", cluster.nodes.address, "--workers", "1"]
    registry = os.environ[store.TRACKING_URI]
    with running_service(tmp_path / "again", registry, *options, port=service.port) as again:
        assert again.predict(CLIP).status_code == 200
        assert len(cluster.replicas(0)) == 1
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(60) == 0
    end = time.monotonic() + 30
    while cluster.replicas(0):
        assert time.monotonic() < end, "a replica outlived the service"
        time.sleep(0.2)
