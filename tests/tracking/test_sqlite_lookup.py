"""What is read from MLflow's SQLite file is what MLflow itself says of it."""

import shutil
import sqlite3
from pathlib import Path

import mlflow
import pytest
from helpers.registry_fixture import empty_database

from avemo.tracking import lookup, store
from avemo.tracking.sqlite_lookup import Question, read_versions

__all__ = ["empty_database"]

URIS = [
    "models:/avemo-audio@champion",
    "models:/avemo-audio@candidate",
    "models:/avemo-audio@absent",
    "models:/avemo-audio/1",
    "models:/avemo-audio/2",
    "models:/avemo-audio/3",
    "models:/avemo-audio/9",
    "models:/avemo-visual@champion",
    "models:/avemo-visual/1",
    "models:/absent/1",
]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Path:
    file = tmp_path / "mlflow.db"
    shutil.copyfile(empty_database, file)
    monkeypatch.setenv(store.TRACKING_URI, f"sqlite:///{file}")
    client = mlflow.MlflowClient()
    for name, count in (("avemo-audio", 3), ("avemo-visual", 1)):
        client.create_registered_model(name)
        for number in range(count):
            client.create_model_version(
                name, f"file://{tmp_path}/{number}", tags={"avemo.test": f"UAR {number}"}
            )
    client.set_registered_model_alias("avemo-audio", "champion", "2")
    client.set_registered_model_alias("avemo-audio", "candidate", "1")
    client.set_model_version_tag("avemo-audio", "2", "avemo.check", "passed; it's fine")
    client.delete_model_version("avemo-audio", "3")
    return file


def test_it_says_what_mlflow_says(database: Path) -> None:
    expected = lookup._ask_mlflow(URIS)
    assert lookup._read_database(database, URIS) == expected
    assert [uri for uri in URIS if expected[uri]] == [URIS[0], URIS[1], URIS[3], URIS[4], URIS[8]]


def test_it_says_so_while_somebody_writes(database: Path) -> None:
    with sqlite3.connect(database) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("update registered_model_aliases set version = 1 where alias = 'champion'")
        writer.commit()
        (version,) = read_versions(database, [Question("avemo-audio", "champion", "")]) or [None]
    assert version
    assert version.number == "1"


def test_other_tables_are_mlflows_own_affair(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    assert read_versions(file, [Question("avemo-audio", "champion", "")]) is None
    assert not file.exists()
    with sqlite3.connect(file) as database:
        database.execute("create table registered_model_aliases (x)")
    assert read_versions(file, [Question("avemo-audio", "champion", "")]) is None
    assert read_versions(file, [Question("avemo-audio", "latest", "")]) is None
