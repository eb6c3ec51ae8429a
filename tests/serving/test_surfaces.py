"""The same clip gets the same prediction to the last bit, whichever door it comes by.

That of MLflow's pyfunc is tested in tests/registry/test_served.py.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from helpers.registered_versions import (
    NAME,
    new_network,
    new_predictions,
    register_version,
)
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    run_avemo,
    running_service,
)
from helpers.sounds import encoded, voice

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.registry.predictor import RegisteredModel

pytestmark = pytest.mark.slow

CHAMPION = f"models:/{NAME}@champion"


@dataclass
class Surroundings:
    """What a door needs.

    Args:
        folder: of a project, and of the clip
        clip: the file
        service: that answers for the same registry
    """

    folder: Path
    clip: Path
    service: ServiceProcess

    def run(self, *arguments: str) -> str:
        """Run `avemo`, and return what it printed."""
        return run_avemo(self.folder, *arguments)


@pytest.fixture(scope="module")
def surroundings(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[Surroundings]:
    folder = tmp_path_factory.mktemp("surfaces")
    project = new_serving_project(folder / "project")
    (project / "incoming").mkdir()
    clip = project / "incoming" / "clip.wav"
    clip.write_bytes(encoded(voice(48000, 2.0), 48000))
    with module_registry(folder, empty_database) as registry:
        network = new_network("sad", seed=7)
        register_version(folder / "1", new_predictions(0.6), alias="champion", network=network)
        with running_service(folder / "run", registry, project=project) as service:
            yield Surroundings(project, clip, service)


def by_library(here: Surroundings) -> dict[str, float]:
    return dict(RegisteredModel(CHAMPION).predict(here.clip).probabilities)


def by_command(here: Surroundings) -> dict[str, float]:
    line = here.run("predict", "--json", "--model", CHAMPION, str(here.clip))
    return dict(json.loads(line)["probabilities"])


def by_csv(here: Surroundings) -> dict[str, float]:
    here.run("predict", "--model", CHAMPION, "--csv", "out.csv", str(here.clip))
    row = pd.read_csv(here.folder / "out.csv").iloc[0]
    return {name: float(row[f"p_{name}"]) for name in EMOTIONS}


def by_parquet(here: Surroundings) -> dict[str, float]:
    options = ["--workers", "2", "--parquet", "out.parquet"]
    here.run("predict", "--model", CHAMPION, *options, str(here.clip))
    row = pd.read_parquet(here.folder / "out.parquet").iloc[0]
    return {name: float(row[f"p_{name}"]) for name in EMOTIONS}


def by_watching(here: Surroundings) -> dict[str, float]:
    here.run("watch", "incoming", "--once", "--settle", "0", "--model", CHAMPION)
    tables = [pd.read_parquet(file) for file in sorted(here.folder.rglob("*.parquet"))]
    row = next(table for table in tables if "clip.wav" in str(table.iloc[0].to_dict())).iloc[0]
    return {name: float(row[f"p_{name}"]) for name in EMOTIONS}


def by_http(here: Surroundings) -> dict[str, float]:
    (prediction,) = here.service.predict(here.clip.read_bytes()).json()["predictions"]
    return dict(prediction["probabilities"])


def by_invocations(here: Surroundings) -> dict[str, float]:
    media = base64.b64encode(here.clip.read_bytes()).decode()
    body = {"dataframe_split": {"columns": ["media"], "data": [[media]]}}
    (row,) = here.service.post("/invocations", json=body).json()["predictions"]
    return {name: float(row[f"p_{name}"]) for name in EMOTIONS}


def by_open_inference(here: Surroundings) -> dict[str, float]:
    client = triton.InferenceServerClient(here.service.address.removeprefix("http://"))
    media = triton.InferInput("media", [1], "BYTES")
    media.set_data_from_numpy(np.array([here.clip.read_bytes()], dtype=object))
    values = client.infer(NAME, [media]).as_numpy("probabilities")
    assert values is not None
    return dict(zip(EMOTIONS, map(float, values.ravel()), strict=True))


DOORS: list[Callable[[Surroundings], dict[str, float]]] = [
    by_command,
    by_csv,
    by_parquet,
    by_watching,
    by_http,
    by_invocations,
    by_open_inference,
]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_gives_the_same_prediction(
    door: Callable[[Surroundings], dict[str, float]], surroundings: Surroundings
) -> None:
    assert door(surroundings) == by_library(surroundings)
