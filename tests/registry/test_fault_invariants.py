"""What the run under faults holds against a registry: it sees whatever is broken there."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from helpers.registered_versions import NAME, new_predictions, register_version

from avemo.registry.history import new_move, write_move
from faults.invariants import check_registry

pytestmark = pytest.mark.slow


def execute(*statements: str) -> Callable[[Path], None]:
    def change(database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return change


def damage_file(database: Path) -> None:
    min(database.parent.glob("artifacts/**/load.py")).write_text("changed")


def delete_files(database: Path) -> None:
    shutil.rmtree(min(database.parent.glob("artifacts/**/load.py")).parent)


@pytest.fixture
def complete_registry(registry: str, tmp_path: Path) -> Path:
    """The database of a registry with a champion, of which nothing is wrong."""
    client = mlflow.MlflowClient()
    number = register_version(tmp_path / "version", new_predictions(0.8), alias="champion")
    for tag in ("avemo.architecture", "avemo.classes", "avemo.commit"):
        client.set_model_version_tag(NAME, number, tag, "value")
    move = new_move([], tmp_path, "register", source="", target=number)
    write_move(client, NAME, replace(move, state="done"))
    return tmp_path / "mlflow.db"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (damage_file, "load.py is changed"),
        (delete_files, "has no files"),
        (execute("UPDATE model_versions SET status = 'PENDING_REGISTRATION'"), "is PENDING"),
        (execute("UPDATE runs SET lifecycle_stage = 'deleted'"), "has no run"),
        (execute("UPDATE runs SET status = 'RUNNING'"), "is RUNNING, and nobody runs it"),
        (execute("UPDATE logged_models SET status = 1"), "no logged model that is ready"),
        (execute("DELETE FROM model_version_tags WHERE key = 'avemo.commit'"), "lacks the tags"),
        (
            execute(
                "DELETE FROM registered_model_aliases", "DELETE FROM model_version_tags",
                "DELETE FROM model_versions",
            ),
            "belongs to no version",
        ),
        (
            execute("UPDATE registered_model_aliases SET version = 7"),
            "champion is version 7, which does not exist",
        ),
        (
            execute("UPDATE registered_model_tags SET value = replace(value, 'done', 'begun')"),
            "move 1 is begun, and not ended",
        ),
        (
            execute("DELETE FROM registered_model_aliases"),
            "the champion is None, the last move made it 1",
        ),
        (
            execute(
                "INSERT INTO registered_models (name, workspace) "
                f"VALUES ('{NAME}.moving-0', 'default')"
            ),
            f"the lock {NAME}.moving-0 is left over",
        ),
    ],
)  # fmt: skip
def test_what_is_broken_in_a_registry_is_a_violation(
    complete_registry: Path, damage: Callable[[Path], None], problem: str
) -> None:
    assert check_registry(complete_registry, interrupted=False) == []
    damage(complete_registry)
    problems = check_registry(complete_registry, interrupted=False)
    assert any(problem in text for text in problems), problems


def test_what_is_under_way_is_no_violation_before_the_command_is_run_again(
    complete_registry: Path,
) -> None:
    execute(
        "UPDATE runs SET status = 'RUNNING'",
        "UPDATE registered_model_tags SET value = replace(value, 'done', 'begun')",
    )(complete_registry)
    assert check_registry(complete_registry, interrupted=True) == []
    assert len(check_registry(complete_registry, interrupted=False)) == 2
