import shutil
from pathlib import Path

import pytest

from avemo.pretrained import assets
from avemo.tracking import store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an empty store, because creating the tables takes seconds."""
    import mlflow

    file = tmp_path_factory.mktemp("database") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{file}").search_registered_models()
    return file


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> str:
    """Return the URI of an empty registry in a folder of its own."""
    shutil.copyfile(empty_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv(store.TRACKING_URI, uri)
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    import mlflow

    store.ensure_experiment(mlflow.MlflowClient(), uri, "avemo/audio")
    return uri
