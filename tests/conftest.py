import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.made_once import share_folder
from hypothesis import settings

from avemo.runtime import pretrained_graphs

# a test must not reach for the developer's own cache, mirror or tracking store
for name in (
    "AVEMO_ASSETS_MIRROR",
    "AVEMO_ASSETS_ORIGIN",
    "AVEMO_CACHE",
    "AVEMO_ROOT",
    "AVEMO_ZENODO_ORIGIN",
):
    os.environ.pop(name, None)
for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID"):
    os.environ.pop(name, None)
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Ray turns its authentication on where the user has a token, on one side of a connection alone
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# what a shell starts in the background is deaf to Ctrl-C, and so are its children
signal.signal(signal.SIGINT, signal.default_int_handler)

#: longest first, so that no process is left alone with one at the end
_LONGEST = (
    "test_pipeline.py",
    "test_distributed.py",
    "test_rebuild.py",
    "test_servers.py",
    "test_page_in_browser.py",
    "test_following.py",
    "test_ray_serve.py",
    "test_late_prior_pipeline.py",
    "test_corpora_pipeline.py",
    "test_imported_pipeline.py",
    "test_make_ravdess.py",
    "test_cluster.py",
    "test_clean_environment.py",
)

# how long an example takes says how busy the machine is, and nothing about the code; few examples,
# because there are many tests, and fewer in `make check`
settings.register_profile("avemo", deadline=None, max_examples=40)
settings.register_profile("quick", deadline=None, max_examples=10)
settings.load_profile("avemo")


@pytest.fixture(scope="session", autouse=True)
def _shared_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What takes seconds is made once for all tests and all processes that run them.

    Networks are exported so, and the files of `helpers.made_once` are written so.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    share_folder(folder / "made_once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained_graphs, "graphs_folder", lambda: folder / "graphs")
        yield


@pytest.fixture(scope="module", autouse=True)
def _no_store_left() -> Iterator[None]:
    """A file's tests leave no tracking store behind: MLflow keeps it for child processes too."""
    yield
    if os.environ.pop("MLFLOW_TRACKING_URI", None):
        import mlflow

        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the longest tests come first; within a file all stays in order."""
    place = {name: index for index, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(Path(item.path).name, len(place)))
