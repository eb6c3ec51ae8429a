"""The service notices that somebody moved the alias by hand, and tells it to a feed reader."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import requests
from helpers.atom import ATOM, require_valid_feed
from helpers.registered_versions import NAME, new_network, new_predictions, register_version
from helpers.serving import (
    module_registry,
    new_serving_project,
    run_avemo,
    running_service,
    until,
)

from avemo.registry import history

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    with module_registry(tmp_path_factory.mktemp("registry"), empty_database) as uri:
        yield uri


def moves() -> list[history.Move]:
    return history.parse_moves(mlflow.MlflowClient().get_registered_model(NAME).tags)


def test_a_move_by_hand_is_seen_by_poll_and_judged(registry: str, tmp_path: Path) -> None:
    """Nobody opens the page, and nobody calls the command."""
    project = new_serving_project(tmp_path / "project", poll_s=0.5)
    for emotion, skill in (("sad", 0.85), ("happy", 0.3)):
        table = new_predictions(skill)
        register_version(tmp_path / emotion, table, network=new_network(emotion))
        if emotion == "sad":
            run_avemo(project, "registry", "promote", "audio")
    key_file = tmp_path / "keys"
    key_file.write_text("a-key-of-this-test-alone-0123456789\n")
    key = {"X-API-Key": key_file.read_text().strip()}
    options = ("--key-file", str(key_file))
    with running_service(tmp_path / "run", registry, *options, project=project) as service:
        assert [move.kind for move in moves()] == ["promote"]
        mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", "2")
        until(lambda: bool(moves()[-1].check), service)
        until(lambda: moves()[-1].check.startswith("refused: UAR"), service)
        assert [(move.kind, move.who) for move in moves()[1:]] == [("outside", "unknown")]
        address = f"{service.address}/registry.atom"
        assert requests.get(address, timeout=10).status_code == 401
        response = requests.get(address, headers=key, timeout=60)
        assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
        newest, first = require_valid_feed(response.text)
        assert newest.findtext(f"{ATOM}title") == f"{NAME}: moved outside avemo: version 1 to 2"
        assert first.findtext(f"{ATOM}title") == f"{NAME}: promote: to 1"
        shown = requests.get(f"{service.address}/v1/registry", headers=key, timeout=60).json()
        assert [move["kind"] for move in shown["moves"]] == ["promote", "outside"]
        assert shown["moves"][-1]["check"].startswith("refused: UAR")
