"""Runs of whole systems: what they leave, and that a killed one goes on."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from helpers.baseline_corpus import ROOT, catalogue, settings, write
from helpers.probabilities import PROBABILITIES
from helpers.registry_fixture import copy_empty_database
from mlflow.entities import Run

from avemo.baselines import checkpoints, clips
from avemo.baselines import run as runs
from avemo.baselines.learners import OnEpoch
from avemo.baselines.train import TrainedVariant
from avemo.baselines.train import train as train_variant
from avemo.baselines.variants import Variant
from avemo.datasets import Dataset
from avemo.evaluation import metrics
from avemo.paths import Project
from avemo.records import BaselineResult, SkippedRun
from avemo.settings import Settings
from avemo.tracking import store

pytestmark = pytest.mark.slow

ROWS = catalogue(range(1, 7), emotions=4)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Three folds of two actors; the one embedding says much, the other nothing."""
    root = tmp_path_factory.mktemp("project")
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    new = Project(root)
    new.catalogue.parent.mkdir()
    ROWS.drop(columns="file").to_parquet(new.catalogue)
    write(new, "mfcc", {"mfcc": "float32"}, ROWS)
    arrays = {"vggish": "float32", "vggish_pca": "uint8"}
    write(new, "vggish", arrays, ROWS, skill={"vggish": 0.0})
    write(new, "crops", {"crops": "uint8"}, ROWS)
    write(new, "backbone", {"backbone": "float16"}, ROWS, network="vgg16")
    with pytest.MonkeyPatch.context() as patch:
        copy_empty_database(root / "mlruns" / "mlflow.db")
        patch.setenv(store.TRACKING_URI, store.default_uri(Project(root)))
        yield new


def run(project: Project, system: str, options: Settings) -> BaselineResult:
    folder = project.baseline(system)
    folder.mkdir(parents=True, exist_ok=True)
    result = runs.run(project, options, system, clips.load_clips(project, options, system), folder)
    result.write(folder / "runs.json")
    return result


def children(run_id: str) -> list[Run]:
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("avemo/baselines")
    assert experiment is not None
    return client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{run_id}'")


def test_what_a_system_leaves(project: Project) -> None:
    result = run(project, "lstm", settings())
    random, actor = result.runs
    assert (result.system, result.synthetic, result.skipped_runs) == ("lstm", True, [])
    for baseline, names in ((random, ["fold 4"]), (actor, ["fold 1", "fold 2", "fold 3"])):
        tracked = mlflow.get_run(baseline.run_id)
        assert tracked.info.status == "FINISHED"
        assert tracked.info.run_name == baseline.run_name == f"lstm speech {baseline.protocol}"
        assert tracked.data.tags["avemo.protocol"] == baseline.protocol
        assert tracked.data.tags["avemo.corpus"] == "sample (synthetic)"
        assert tracked.data.params["published_accuracy"] == "0.66"
        for end in ("low", "high"):
            assert tracked.data.metrics[f"test_uar_{end}"] == pytest.approx(
                getattr(baseline.test["uar"], end)
            )
        trainings = children(baseline.run_id)
        assert sorted(child.info.run_name for child in trainings) == names
        assert all("val_uar" in child.data.metrics for child in trainings)
        assert not any(
            name.startswith("test") for child in trainings for name in child.data.metrics
        )
        predictions = pd.read_csv(project.baseline("lstm") / baseline.predictions)
        assert list(predictions) == ["performance", "fold", "true", *PROBABILITIES]
        assert metrics.uar_of(predictions) == baseline.test["uar"].value
    speech = ROWS[ROWS["channel"].eq(1)].sort_values("performance")
    assert predictions["performance"].tolist() == speech["performance"].tolist()
    assert predictions["true"].tolist() == speech["emotion"].tolist()
    assert predictions["fold"].tolist() == ((speech["actor"].astype(int) + 1) // 2).tolist()


def test_the_validation_part_chooses_the_variant(project: Project) -> None:
    result = run(project, "vggish-ml", settings(protocols=["actor"], channels=["both"]))
    (baseline,) = result.runs
    tracked = mlflow.get_run(baseline.run_id)
    child_runs = children(baseline.run_id)
    assert len(child_runs) == 3 * 18
    for fold in (1, 2, 3):
        scores = {
            child.data.params["variant"]: child.data.metrics["valid_uar"]
            for child in child_runs
            if child.data.params["fold"] == str(fold)
        }
        best = tracked.data.params[f"variant.fold_{fold}"]
        assert scores[best] == max(scores.values())
        assert best.startswith("pca")  # the raw embedding was made to say nothing
    assert baseline.test["accuracy"].value > 0.8
    assert baseline.test["accuracy"].performances == len(ROWS)


def test_what_the_corpus_has_not_is_left_out_with_a_reason(
    project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "catalogue.parquet"
    file.write_bytes(project.catalogue.read_bytes())
    try:
        rows = pd.read_parquet(file)
        rows[rows["channel"].eq(1)].to_parquet(project.catalogue)
        result = run(project, "vggish-ml", settings(channels=["song"], protocols=["random"]))
    finally:
        project.catalogue.write_bytes(file.read_bytes())
    skipped = SkippedRun(channel="song", protocol="random", reason="the corpus has no song")
    assert (result.runs, result.skipped_runs) == ([], [skipped])


@pytest.mark.parametrize(
    ("system", "modality", "extractors", "accuracy"),
    [
        ("face-cnn", "visual", ["crops"], "0.15 to 0.19"),
        ("face-vgg16", "visual", ["backbone"], "0.32"),
        ("av-modules", "fused", ["crops", "mfcc"], "0.11"),
        ("av-features", "fused", ["crops", "mfcc"], None),
        ("av-outputs", "fused", ["crops", "mfcc"], None),
    ],
)
def test_systems_that_see(
    project: Project, system: str, modality: str, extractors: list[str], accuracy: str | None
) -> None:
    options = settings(channels=["both"], protocols=["random"], epochs=25)
    (baseline,) = run(project, system, options).runs
    assert baseline.test["accuracy"].value > 0.6  # of four emotions
    tracked = mlflow.get_run(baseline.run_id).data
    assert tracked.params.get("published_accuracy") == accuracy
    tags = {name.rpartition(".")[2] for name in tracked.tags if name.startswith("avemo.features.")}
    assert sorted(tags) == extractors
    assert tracked.tags["avemo.modality"] == modality
    for child in children(baseline.run_id):
        assert child.data.tags["avemo.modality"] == modality
        assert sorted(child.data.params["features"].split(", ")) == extractors


def test_too_few_pictures_are_a_reason_and_no_figure(project: Project, tmp_path: Path) -> None:
    few = Project(tmp_path)
    few.catalogue.parent.mkdir()
    few.catalogue.write_bytes(project.catalogue.read_bytes())
    write(few, "crops", {"crops": "uint8"}, ROWS[ROWS["actor"].isin(["01", "05"])].iloc[:12])
    result = run(few, "face-cnn", settings(protocols=["random", "actor"]))
    assert result.runs == []
    random, actor = (skipped.reason for skipped in result.skipped_runs)
    assert random.startswith("it has features of 8 performances, too few for every emotion")
    assert actor == "it has too few performances with features for three parts"


class Interrupted:
    """Counts trainings, and stops before one of them."""

    def __init__(self, before: int | None = None) -> None:
        self.before = before
        self.trained: list[str] = []

    def __call__(
        self, variant: Variant, train: Dataset, valid: Dataset, options: Settings, on_epoch: OnEpoch
    ) -> TrainedVariant:
        if len(self.trained) == self.before:
            raise KeyboardInterrupt
        self.trained.append(variant.name)
        return train_variant(variant, train, valid, options, on_epoch)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Interrupted]:
    def counted(before: int | None = None) -> Interrupted:
        counter = Interrupted(before)
        monkeypatch.setattr(runs, "train", counter)
        return counter

    return counted


def test_a_stopped_run_goes_on(project: Project, trainings: Callable[..., Interrupted]) -> None:
    options = settings(protocols=["random", "actor"], channels=["song"], patience=3)
    first = trainings(before=18 + 20)
    with pytest.raises(KeyboardInterrupt):
        run(project, "vggish-ml", options)
    again = trainings()
    result = run(project, "vggish-ml", options)
    assert len(first.trained) == 38
    assert len(again.trained) == 18 + 3 * 18 - 38
    child_runs = children(result.runs[1].run_id)
    assert len([child for child in child_runs if child.info.status == "FINISHED"]) == 3 * 18
    checkpoints.clear(project.checkpoints("vggish-ml"))
    assert not project.checkpoints("vggish-ml").exists()

    undisturbed = run(project, "vggish-ml", options)
    assert len(again.trained) == 2 * (18 + 3 * 18) - 38
    for baseline, other in zip(result.runs, undisturbed.runs, strict=True):
        assert baseline.run_id != other.run_id
        assert baseline.test == other.test


def test_a_run_that_is_not_taken_up_ends_as_killed(
    project: Project, trainings: Callable[..., Interrupted]
) -> None:
    options = settings(protocols=["actor"], patience=4)
    trainings(before=5)
    with pytest.raises(KeyboardInterrupt):
        run(project, "vggish-ml", options)
    (note,) = project.checkpoints("vggish-ml").glob("speech-actor/*/run")
    stopped = note.read_text()
    again = trainings()
    (baseline,) = run(project, "vggish-ml", settings(protocols=["actor"], patience=5)).runs
    assert baseline.run_id != stopped
    assert len(again.trained) == 3 * 18
    assert mlflow.get_run(stopped).info.status == "KILLED"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2], str(Path(sys.argv[2]).parent)]
from helpers.baseline_corpus import settings
from test_systems import Interrupted, run, runs, Project

class Killed(Interrupted):
    def __call__(self, *arguments):
        if len(self.trained) == self.before:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(*arguments)

runs.train = Killed(before=4)
run(Project(Path(sys.argv[1])), "vggish-ml", settings(protocols=["random"], patience=6))
"""


def test_a_killed_run_goes_on(project: Project, trainings: Callable[..., Interrupted]) -> None:
    command = [sys.executable, "-c", KILLED, str(project.root), str(Path(__file__).parent)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (note,) = project.checkpoints("vggish-ml").glob("speech-random/*/run")
    run_id = note.read_text()
    assert mlflow.get_run(run_id).info.status == "RUNNING"
    again = trainings()
    (baseline,) = run(project, "vggish-ml", settings(protocols=["random"], patience=6)).runs
    assert baseline.run_id == run_id
    assert mlflow.get_run(run_id).info.status == "FINISHED"
    assert len(again.trained) == 18 - 4
    states = [child.info.status for child in children(run_id)]
    assert (states.count("FINISHED"), states.count("KILLED"), len(states)) == (18, 1, 19)
