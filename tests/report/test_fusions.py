"""The predictions of each way to fuse: published, read again, and tables of the page."""

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
from avemo.records import EvaluationResult, Interval, ModalityResult
from avemo.report import fusions
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


def test_what_is_published_is_read_again(project: Project) -> None:
    assert fusions.read(project.root) is None
    message = "results/search/fused: imported, 384 performances"
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
    assert [row[4][0] for row in inner.rows] == ["–", "–", "+", "-"]
    # on the test part, the performances that all systems have
    assert (test.part, test.performances, test.run_id) == ("test part", 128, "fused")


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
    assert (
        message
        == "results/search/fused: not imported, because no fusion was searched and evaluated here"
    )
    assert fusions.read(tmp_path) is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: rows.drop(columns="p_sad"), "there is no column p_sad"),
        (lambda rows: rows[1:], "not all there, on the same performances"),
        (lambda rows: rows[rows["system"].ne("visual")], "not all there"),
        (lambda rows: rows.assign(true="sad"), "of another emotion"),
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
