"""`avemo serve --require-key`: the old version answers on where the new one is not its owner's."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from helpers.forgery import forge
from helpers.registered_versions import NAME, new_network, register_version
from helpers.serving import (
    module_registry,
    new_serving_project,
    run_avemo,
    running_service,
    until,
)
from helpers.sounds import encoded, voice

from avemo.tracking.keys import generate_key_pair

pytestmark = pytest.mark.slow

CLIP = encoded(voice(16000), 16000)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    with module_registry(tmp_path_factory.mktemp("registry"), empty_database) as uri:
        yield uri


def register(folder: Path, emotion: str) -> str:
    return register_version(folder / emotion, None, network=new_network(emotion))


def set_champion(version: str) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", version)


def test_the_old_version_answers_on_until_the_owner_signs(registry: str, tmp_path: Path) -> None:
    generate_key_pair(tmp_path / "owner.key", tmp_path / "owner.pub")
    project = new_serving_project(tmp_path / "project", poll_s=0.5)
    signs = ("registry", "sign", "--key", str(tmp_path / "owner.key"))
    first, second, third = (register(tmp_path, emotion) for emotion in ("sad", "happy", "calm"))
    run_avemo(project, *signs, f"audio/{first}")
    run_avemo(project, *signs, f"audio/{second}")
    set_champion(first)
    required = ("--require-key", str(tmp_path / "owner.pub"))
    with running_service(tmp_path / "run", registry, *required, project=project) as service:
        # weights, checksums.json and tag are replaced, and agree
        forge(second, "angry")
        set_champion(second)
        until(lambda: bool(service.ready()["refused"]), service)
        refused = service.ready()["refused"]
        assert refused["version"] == f"{NAME} version {second}"
        assert "its files are not those that were signed" in refused["reason"]
        (row,) = service.predict(CLIP).json()["predictions"]
        assert (row["emotion"], row["model"]) == ("sad", f"{NAME} version {first}")
        # one that nobody has signed, and then its owner has: no need to wait for another trial
        set_champion(third)
        until(lambda: f"version {third} may not answer" in service.written(), service)
        assert "it is not signed" in service.ready()["refused"]["reason"]
        run_avemo(project, *signs, f"audio/{third}")
        until(lambda: service.version == third, service)
        # a forgery of the version that answers
        forge(third, "angry")
        until(lambda: service.written().count(f"version {third} may not answer") == 2, service)
        (row,) = service.predict(CLIP).json()["predictions"]
        assert (row["emotion"], row["model"]) == ("calm", f"{NAME} version {third}")


def test_without_a_good_signature_it_is_not_ready(registry: str, tmp_path: Path) -> None:
    generate_key_pair(tmp_path / "owner.key", tmp_path / "owner.pub")
    project = new_serving_project(tmp_path / "project", poll_s=0.5, require_key="../owner.pub")
    set_champion(register(tmp_path, "sad"))
    with running_service(tmp_path / "run", registry, project=project, wait=False) as service:
        until(lambda: "it is not signed" in service.written(), service)
        assert service.predict(CLIP).status_code == 503


def test_a_key_that_cannot_be_read_starts_nothing(registry: str, tmp_path: Path) -> None:
    project = new_serving_project(tmp_path / "project")
    (tmp_path / "text").write_text("no key")
    options = ("serve", "--registry", registry, "--require-key", str(tmp_path / "text"))
    assert run_avemo(project, *options, returncode=1) == ""
