import shutil
from functools import cache
from pathlib import Path

import pytest
from helpers.made_once import made_once

from avemo.pretrained import assets
from avemo.tracking import store

__all__ = ["copy_empty_database", "empty_database", "registry"]


def copy_empty_database(target: Path) -> None:
    """Write the file of an empty tracking store, because creating its tables takes seconds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _read_migrations_once()
    shutil.copyfile(made_once("mlflow.db", _create_tables), target)


def _create_tables(file: Path) -> None:
    import mlflow

    mlflow.MlflowClient(f"sqlite:///{file}").search_registered_models()


@cache
def _read_migrations_once() -> None:
    """Let MLflow compile its 67 migrations once in this process, and not for each new store."""
    from mlflow.store.db import utils

    utils._get_latest_schema_revision = cache(utils._get_latest_schema_revision)


@pytest.fixture(scope="session")
def empty_database() -> Path:
    """Return the file of an empty store."""
    _read_migrations_once()
    return made_once("mlflow.db", _create_tables)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URI of an empty registry in a folder of its own."""
    copy_empty_database(tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv(store.TRACKING_URI, uri)
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    import mlflow

    store.ensure_experiment(mlflow.MlflowClient(), uri, "avemo/audio")
    return uri
