"""From the search to the evaluation, on expressions that are drawn: the prior stands beside."""

import logging
from collections.abc import Collection
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.registry_fixture import copy_empty_database
from helpers.split_table import write_split
from helpers.training_task import ROOT

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation.evaluate import evaluate
from avemo.features import store
from avemo.features.arrays import Arrays
from avemo.features.spec import FeatureSpec
from avemo.features.visual.expression import Expression, Settings
from avemo.models.bundle import Bundle
from avemo.paths import Project
from avemo.pretrained.expression_mobilenet import CLASSES
from avemo.records import ModalityResult, Skipped
from avemo.registry.prior import reason_for_prior
from avemo.settings import Settings as ProjectSettings
from avemo.tracking import store as tracking_store
from avemo.training.search import search
from avemo.training.task import load_task
from avemo.training.train import train

pytestmark = pytest.mark.slow

EXPRESSION_OF = dict(
    zip(
        EMOTIONS,
        ("neutral", "neutral", "happy", "sad", "anger", "fear", "disgust", "surprise"),
        strict=True,
    )
)
FACES = FeatureSpec(extractor="faces", version=1, settings={}, resources={"detector": "yunet"})


def new_project(root: Path, test_actors: int, other_actors: int) -> Project:
    """A project with the expressions of some actors, who show what they mean half of the time."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["corpus"]["source"] = "path"
    params["evaluation"]["resamples"] = 200
    params["search"]["visual"] |= {"architectures": ["expression_prior"], "sampling_order": []}
    params["search"]["visual"]["quick"] = {"trials": 1, "epochs": 1, "members": 1}
    root.mkdir()
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    project = Project(root)
    folds = [1] * test_actors + [2 + at % 5 for at in range(other_actors)]
    rows = pd.DataFrame(
        {
            "performance": f"01-{emotion:02d}-01-{statement:02d}-01-{actor:02d}",
            "actor": actor,
            "fold": fold,
            "part": "test" if fold == 1 else "train",
        }
        for actor, fold in enumerate(folds, 1)
        for emotion in range(1, len(EMOTIONS) + 1)
        for statement in (1, 2)
    )
    (root / "data").mkdir()
    write_split(project, rows)
    random = np.random.default_rng(1)
    clips: dict[str, Arrays] = {}
    for performance in rows["performance"]:
        values = random.dirichlet(np.ones(7), 3).astype("f")
        if random.random() < 0.5:
            name = EXPRESSION_OF[EMOTIONS[int(performance[3:5]) - 1]]
            values[:, CLASSES.index(name)] += 2
        values /= values.sum(axis=1, keepdims=True)
        clips[performance] = {
            "expression": np.zeros((3, 256), np.float16),
            "expression_probabilities": values,
            "expression_mean": values.mean(axis=0, keepdims=True),
            "expression_stats": np.zeros((1, 526), np.float32),
        }
    sources = rows.assign(
        recording="01-" + rows["performance"],
        sha256=rows["performance"],
        file=rows["performance"].map(Path),
    )
    extractor = Expression(Settings(trim_ratio=0.125))
    target = store.Target(
        project.features("visual", "expression"), extractor.spec(FACES), extractor.dtypes
    )

    def extract(file: Path, names: Collection[str]) -> dict[str, Arrays]:
        return {"expression": clips[file.name]}

    store.update({"expression": target}, sources, extract, workers=1)
    return project


def run_stages(project: Project) -> tuple[ProjectSettings, ModalityResult]:
    settings = load_settings(project.root)
    tracking_store.connect(project)
    task = load_task(project, settings, "visual")
    for folder in (project.search("visual"), project.trained("visual"), project.evaluation):
        folder.mkdir(parents=True)
    result = search(project, settings, task, project.search("visual"))
    trained = train(project, settings, task, result, project.trained("visual"))
    trained.write(project.train_result("visual"))
    for modality in ("audio", "fused"):
        Skipped(reason="no sound").write(project.train_result(modality))
    return settings, evaluate(project, settings, project.evaluation).modalities["visual"]


@pytest.mark.parametrize(("test_actors", "other_actors"), [(1, 2), (4, 12)])
def test_the_prior_stands_beside_the_trained_model(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    test_actors: int,
    other_actors: int,
) -> None:
    project = new_project(tmp_path / "project", test_actors, other_actors)
    monkeypatch.setenv(tracking_store.TRACKING_URI, tracking_store.default_uri(project))
    copy_empty_database(project.root / "mlruns" / "mlflow.db")
    with caplog.at_level(logging.WARNING, logger="avemo"):
        settings, result = run_stages(project)
    few = other_actors < 3
    warning = "selected on 2 actors: fewer than 3 do not tell how a model of the face does on"
    assert any(warning in record.getMessage() for record in caplog.records) == few
    (experiment,) = mlflow.search_experiments(filter_string="name = 'avemo/visual'")
    runs = mlflow.MlflowClient().search_runs([experiment.experiment_id])
    warned = [run.info.run_name for run in runs if "avemo.warning" in run.data.tags]
    assert warned == (["search"] if few else [])

    prior = result.prior
    assert prior is not None
    assert prior.test is not None
    assert prior.test["uar"].value > 0.3
    assert prior.difference is not None
    assert prior.difference.actors == test_actors
    run = mlflow.get_run(result.run_id)
    assert run.data.metrics["test_prior_uar"] == pytest.approx(prior.test["uar"].value)
    rows = pd.read_csv(project.evaluation / "visual_prior.csv")
    assert len(rows) == test_actors * 16
    config = Bundle(project.prior("visual")).config
    assert (config.untrained, config.trained_on.actors) == (True, 0)
    reason = reason_for_prior(settings, result)
    assert reason.startswith("the test part has 1 actor, ") if few else True
    if not few:  # the fit moves the prior little, and so the UAR
        assert abs(prior.difference.value) < 0.1
