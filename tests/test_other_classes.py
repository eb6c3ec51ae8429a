"""A project with classes of its own: every stage, every answer and every file names those."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
import yaml
from helpers.registered_versions import NAME, ROOT
from helpers.serving import running_service
from helpers.sounds import encoded, voice

from avemo.corpus.adapters.ravdess import EMOTIONS, Recording
from avemo.evaluation.metrics import classes_of
from avemo.evaluation.predictions import read_predictions
from avemo.models.bundle import Bundle
from avemo.paths import Project
from avemo.records import EvaluationResult, Registration

#: joined, renamed and left out, in an order of their own
LABELS: dict[str, Any] = {
    "classes": ["sad", "positive", "neutral", "angry", "fearful"],
    "corpora": {
        "ravdess": {"happy": "positive", "surprised": "positive", "calm": "neutral"}
        | {"disgust": None}
    },
}
CLASSES = LABELS["classes"]
COLUMNS = [f"p_{name}" for name in CLASSES]
#: everything but pictures, in one process: each import of TensorFlow takes seconds
STAGES = """
from pathlib import Path

from avemo.config import load_settings
from avemo.paths import Project
from avemo.records import Skipped
from pipelines import audio_features, catalogue, evaluate, fetch, register, search, soundtrack
from pipelines import split, train

project = Project(Path.cwd())
settings = load_settings(project.root)
for stage in (fetch, catalogue, split, soundtrack, audio_features):
    stage.main(project, settings)
for stage in (search, train):
    stage.main(project, settings, "audio")
for modality in ("visual", "fused"):
    Skipped(reason="sound alone").write(project.train_result(modality))
for stage in (evaluate, register):
    stage.main(project, settings)
"""

pytestmark = pytest.mark.slow


def write_corpus(folder: Path) -> None:
    """Write a sound an emotion of each of six actors, in RAVDESS's names."""
    folder.mkdir()
    for actor, emotion in product(range(1, 7), range(1, len(EMOTIONS) + 1)):
        recording = Recording(3, 1, emotion, 1, 1, 1, actor)
        sound = voice(16000, 0.6 + 0.05 * emotion + 0.01 * actor, 0.1 * emotion)
        (folder / f"{recording.id}.wav").write_bytes(encoded(sound, 16000))


class SmallProject:
    """A project of one small network that hears a small corpus.

    Args:
        folder: gets it
    """

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder)
        params = yaml.safe_load((ROOT / "params.yaml").read_text())
        params["labels"] = LABELS
        params["corpus"] |= {"source": "path", "path": "sounds"}
        params["extractors"] = {"mfcc": params["extractors"]["mfcc"]}
        params["search"]["audio"] |= {
            "architectures": ["lstm"],
            "fallback": [],
            "sampling_order": [],
            "quick": {"trials": 1, "epochs": 2, "members": 1},
        }
        folder.mkdir()
        write_corpus(folder / "sounds")
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        (folder / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
        (folder / "mlruns").mkdir()
        self.registry = f"sqlite:///{folder}/mlruns/mlflow.db"
        self._environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "AVEMO_ROOT": str(folder),
            "AVEMO_CACHE": str(folder / "cache"),
            "AVEMO_ASSETS_ORIGIN": "http://127.0.0.1:1",  # nobody answers there
        }

    def python(self, *arguments: str) -> str:
        """Run Python in the project and return what it prints."""
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.project.root,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
        return process.stdout

    @property
    def clip(self) -> Path:
        """A recording of sound."""
        return min(self.project.raw.rglob("03-*.wav"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """A project whose model of sound was searched, trained, evaluated and registered."""
    small = SmallProject(tmp_path_factory.mktemp("classes") / "project")
    small.python("-c", STAGES)
    return small


def test_the_model_has_the_classes_of_the_labels(small: SmallProject) -> None:
    bundle = Bundle(small.project.trained("audio"))
    assert bundle.config.classes == CLASSES
    assert bundle.network.output.shape[-1] == len(CLASSES)
    predictions = read_predictions(small.project.evaluation / "audio.csv")
    assert list(classes_of(predictions)) == CLASSES
    # of two actors: a performance an emotion but disgust, which is left out
    counts = predictions["true"].value_counts().to_dict()
    assert counts == {"sad": 2, "angry": 2, "fearful": 2, "positive": 4, "neutral": 4}
    test = EvaluationResult.read(small.project.evaluation_result).modalities["audio"].test
    assert test is not None
    assert {name for name in test if name.startswith("recall_")} == {
        f"recall_{name}" for name in CLASSES
    }


def test_the_version_says_so(small: SmallProject) -> None:
    import mlflow

    registration = Registration.read(small.project.registered)
    version = registration.versions["audio"]
    client = mlflow.MlflowClient(small.registry)
    assert client.get_model_version(NAME, version.version).tags["avemo.classes"] == ",".join(
        CLASSES
    )
    folder = small.project.root / "version"
    mlflow.set_tracking_uri(small.registry)
    mlflow.artifacts.download_artifacts(
        f"models:/{NAME}/{version.version}", dst_path=str(folder), tracking_uri=small.registry
    )
    signature = mlflow.models.Model.load(str(folder)).signature
    names = [name for name in signature.outputs.input_names() if name.startswith("p_")]
    assert names == COLUMNS
    assert list(json.loads((folder / "profile.json").read_text())["emotions"]) == CLASSES
    assert f"each of 5: {', '.join(CLASSES)}" in (folder / "model_card.md").read_text()
    rows = mlflow.pyfunc.load_model(str(folder)).predict(
        pd.DataFrame({"media": [small.clip, b"no media"]})
    )
    assert [name for name in rows if name.startswith("p_")] == COLUMNS
    assert rows.loc[0, COLUMNS].sum() == pytest.approx(1, abs=1e-5)
    assert rows.loc[1, COLUMNS].isna().all()


def test_the_command_line_writes_them(small: SmallProject) -> None:
    root = small.project.root
    answer = json.loads(small.python("-m", "avemo.cli", "predict", "--json", str(small.clip)))
    assert set(answer["probabilities"]) == set(answer["classes"]) == set(CLASSES)
    written = ["--csv", "table.csv", "--parquet", "table.parquet"]
    timelines = ["--timeline", "out", "--format", "csv", "--format", "parquet", "--format", "json"]
    small.python("-m", "avemo.cli", "predict", str(small.clip), *written, *timelines)
    name = f"out/{small.clip.name}"
    for table in (
        pd.read_csv(root / "table.csv"),
        pd.read_parquet(root / "table.parquet"),
        pd.read_csv(root / f"{name}.csv"),
        pd.read_parquet(root / f"{name}.parquet"),
    ):
        assert [column for column in map(str, table) if column.startswith("p_")] == COLUMNS
    document = json.loads((root / f"{name}.json").read_text())
    assert document["classes"] == CLASSES
    assert set(document["rows"][0]["probabilities"]) == set(CLASSES)


def test_the_service_says_them(small: SmallProject, tmp_path: Path) -> None:
    content = small.clip.read_bytes()
    with running_service(tmp_path, small.registry, project=small.project.root) as service:
        model = requests.get(f"{service.address}/v1/model", timeout=30).json()
        assert model["classes"] == CLASSES
        (prediction,) = service.predict(content).json()["predictions"]
        assert set(prediction["probabilities"]) == set(CLASSES)
        lines = service.post("/v1/timeline", content, headers={"Content-Type": "audio/wav"}).content
        assert json.loads(lines.splitlines()[0])["classes"] == CLASSES
        exported = service.post("/v1/export/csv", lines).text
        assert [
            name for name in exported.split("\r\n")[0].split(",") if name[:2] == "p_"
        ] == COLUMNS
        text = {"instances": ["no base64!"]}
        (row,) = service.post("/invocations", json=text).json()["predictions"]
        assert [name for name in row if name.startswith("p_")] == COLUMNS
        described = requests.get(f"{service.address}/v2/models/{NAME}", timeout=30).json()
        shapes = {output["name"]: output["shape"] for output in described["outputs"]}
        assert shapes["probabilities"] == [-1, len(CLASSES)]
