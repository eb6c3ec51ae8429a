"""The predictions of each way to fuse: published, read again, and tables of the page."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from helpers.results import predictions
from helpers.training_task import search_result

from avemo.config import load_settings
from avemo.errors import AvemoError
from avemo.evaluation import metrics
from avemo.evaluation.bootstrap import Bootstrap
from avemo.modalities import MODALITIES
from avemo.paths import Project
from avemo.records import (
    EvaluationResult,
    FusionCrossValidation,
    Interval,
    ModalityResult,
    Protocol,
)
from avemo.report import fusions
from avemo.report.published import check_predictions
from avemo.settings import Settings
from avemo.training.stacking import COMPARISON

SETTINGS = load_settings(Path(__file__).parents[2])
BOOTSTRAP = Bootstrap.from_settings(SETTINGS)
SKILLS = {"audio": 1.5, "visual": 0.5, "late": 2.5, "attention": 0.2}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The fusion was searched and evaluated."""
    project = Project(tmp_path)
    rows = [predictions(skill=skill).assign(system=name) for name, skill in SKILLS.items()]
    project.search("fused").mkdir(parents=True)
    pd.concat(rows).to_csv(project.search("fused") / COMPARISON, index=False)
    search_result([], run_id="aa").write(project.search_result("fused"))
    models = {name: ModalityResult(run_id=name, test={"uar": Interval(0.5)}) for name in MODALITIES}
    result = EvaluationResult(synthetic=True, protocol="actor", modalities=models)
    project.evaluation.mkdir(parents=True)
    result.write(project.evaluation_result)
    for name in (*models, "fused_audio", "fused_visual"):
        table = predictions(seed=3, actors=range(1, 7 if name == "audio" else 5))
        table.to_csv(project.evaluation / f"{name}.csv", index=False)
    return project


def with_corpus(source: str) -> Settings:
    corpus = SETTINGS.corpus.model_copy(update={"source": source})
    return SETTINGS.model_copy(update={"corpus": corpus})


def published_tables(project: Project) -> list[fusions.FusionTable]:
    rows = fusions.read(project.root)
    assert rows is not None
    return fusions.tables(rows, BOOTSTRAP)


@pytest.mark.slow
def test_what_is_published_is_read_again(project: Project) -> None:
    assert fusions.read(project.root) is None
    message = (
        "sound and picture: imported, inner folds (384 performances), test part (128 performances)"
    )
    assert fusions.import_fusions(project, SETTINGS) == message
    inner, test = published_tables(project)
    assert inner.synthetic
    assert test.synthetic
    assert [row[0] for row in inner.rows] == ["`audio`", "`visual`", "`late`", "`attention`"]
    assert [row[0] for row in test.rows] == [
        *("`audio`", "`visual`", "`fused`", "`fused_audio`", "`fused_visual`")
    ]
    late = predictions(skill=SKILLS["late"])
    assert inner.rows[2][2].startswith(f"{metrics.uar_of(late):.3f} [")
    assert [row[5][0] for row in inner.rows] == ["–", "–", "+", "-"]
    # on the test part, the performances that all systems have
    assert (test.part, test.performances, test.run_id) == ("test part", 128, "fused")


@pytest.mark.slow
def test_the_sample_does_not_take_the_place_of_people(project: Project) -> None:
    fusions.import_fusions(project, with_corpus("path"))
    before = (project.root / fusions.FILE).read_bytes()
    assert "not imported, because it is of the synthetic sample" in fusions.import_fusions(
        project, SETTINGS
    )
    assert (project.root / fusions.FILE).read_bytes() == before
    published = published_tables(project)
    assert not any(table.synthetic for table in published)


def test_without_a_fusion_nothing_is_published(tmp_path: Path) -> None:
    message = fusions.import_fusions(Project(tmp_path), SETTINGS)
    assert message == "sound and picture: not imported, because no fusion was tested here"
    assert fusions.read(tmp_path) is None


def write_crossvalidation(project: Project, protocol: Protocol = "actor") -> None:
    """Write what the nested cross-validation of the fusion leaves."""
    folder = project.crossvalidation("fused")
    folder.mkdir(parents=True)
    rows = [
        predictions(skill=skill, seed=5).assign(system=name)
        for name, skill in {"audio": 1.5, "visual": 0.5, "geometric_mean": 2.0, "late": 2.5}.items()
    ]
    pd.concat(rows).to_csv(folder / COMPARISON, index=False)
    FusionCrossValidation(
        synthetic=True,
        protocol=protocol,
        run_id="nested",
        run_name="crossvalidate",
        folds=[],
        figures={},
        gains={},
    ).write(folder / "summary.json")


@pytest.mark.slow
def test_the_nested_figures_stand_first_with_each_fold(project: Project) -> None:
    fusions.import_fusions(project, SETTINGS)
    write_crossvalidation(project)
    assert fusions.import_fusions(project, SETTINGS).startswith(
        "sound and picture: imported, unseen actors (384 performances), inner folds"
    )
    nested, inner, test = published_tables(project)
    assert [table.part for table in (nested, inner, test)] == [
        *("unseen actors", "inner folds", "test part")
    ]
    assert (nested.run_id, nested.performances) == ("nested", 384)
    assert nested.systems == ["`audio`", "`visual`", "`geometric_mean`", "`late`"]
    assert [row[0] for row in nested.rows] == nested.systems
    late = check_predictions(predictions(skill=2.5, seed=5))
    figures = metrics.intervals(late, BOOTSTRAP)
    assert nested.rows[-1][2:5] == tuple(
        str(figures[name]) for name in ("uar", "accuracy", "log_loss")
    )
    assert (inner.folds, test.folds) == ([], [])
    assert [row[0] for row in nested.folds] == [str(fold) for fold in sorted(set(late["fold"]))]
    own = late[late["fold"].eq(late["fold"].min())]
    assert nested.folds[0][-1] == f"{metrics.uar_of(own):.3f}"


@pytest.mark.slow
def test_what_was_not_run_here_stays(project: Project) -> None:
    write_crossvalidation(project)
    fusions.import_fusions(project, SETTINGS)
    shutil.rmtree(project.crossvalidation("fused"))
    fusions.import_fusions(project, SETTINGS)
    parts = ["unseen actors", "inner folds", "test part"]
    assert [table.part for table in published_tables(project)] == parts
    # of people: nothing of the sample stays beside them
    fusions.import_fusions(project, with_corpus("path"))
    assert [table.part for table in published_tables(project)] == parts[1:]


@pytest.mark.slow
def test_a_cross_validation_that_mixes_actors_is_not_imported(project: Project) -> None:
    write_crossvalidation(project, protocol="random")
    fusions.import_fusions(project, SETTINGS)
    assert "unseen actors" not in [table.part for table in published_tables(project)]


def test_damaged_predictions_are_not_imported(project: Project) -> None:
    write_crossvalidation(project)
    file = project.crossvalidation("fused") / COMPARISON
    pd.read_csv(file)[1:].to_csv(file, index=False)
    with pytest.raises(AvemoError, match="nothing is imported: unseen actors: the systems are not"):
        fusions.import_fusions(project, SETTINGS)
    assert fusions.read(project.root) is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: rows.drop(columns="p_sad"), "there is no column p_sad"),
        (lambda rows: rows[1:], "not all there, on the same performances"),
        (lambda rows: rows[rows["system"].ne("visual")], "not all there"),
        (lambda rows: rows.assign(true="sad"), "of another emotion"),
        (lambda rows: rows.assign(part="fold 1"), "fold 1 is none of the parts"),
    ],
)
def test_a_damaged_file_is_told(
    project: Project, damage: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    fusions.import_fusions(project, SETTINGS)
    file = project.root / fusions.FILE
    damage(pd.read_csv(file)).to_csv(file, index=False)
    with pytest.raises(AvemoError, match=message):
        fusions.read(project.root)
