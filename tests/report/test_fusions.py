"""What each way to fuse answered: kept, read again, and a section of the page."""

from pathlib import Path

import pandas as pd
import pytest
from helpers.results import predictions

from avemo.errors import AvemoError
from avemo.evaluation import metrics
from avemo.paths import Project
from avemo.report import fusions
from avemo.settings import load
from avemo.tracking import json_file

SETTINGS = load(Path(__file__).parents[2])
SKILLS = {"audio": 1.5, "visual": 0.5, "late": 2.5, "attention": 0.2}


@pytest.fixture
def project(tmp_path):
    """The fusion was searched and evaluated."""
    made = Project(tmp_path)
    rows = [predictions(skill=skill).assign(system=name) for name, skill in SKILLS.items()]
    made.search("fused").mkdir(parents=True)
    pd.concat(rows).to_csv(made.search("fused") / "compared.csv", index=False)
    json_file.write(made.search("fused") / "found.json", {"run_id": "aa"})
    runs = {name: {"run_id": name, "test": {}} for name in ("audio", "visual", "fused")}
    json_file.write(made.evaluation / "metrics.json", {"modalities": runs})
    for name in (*runs, "fused_audio", "fused_visual"):
        table = predictions(seed=3, actors=range(1, 7 if name == "audio" else 5))
        table.to_csv(made.evaluation / f"{name}.csv", index=False)
    return made


def with_corpus(source):
    corpus = SETTINGS.corpus.model_copy(update={"source": source})
    return SETTINGS.model_copy(update={"corpus": corpus})


def test_what_is_kept_and_what_is_said_of_it(project):
    assert fusions.read(project.root) is None
    assert fusions.keep(project, SETTINGS) == "results/search/fused: taken, 384 performances"
    found = fusions.read(project.root)
    page = "\n".join(fusions.section(found, SETTINGS))
    assert page.count("**Synthetic sample, no statement about accuracy.**") == 2
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == [
        *("| `audio`", "| `visual`", "| `late`", "| `attention`"),
        *("| `audio`", "| `visual`", "| `fused`", "| `fused_audio`", "| `fused_visual`"),
    ]
    late = predictions(skill=SKILLS["late"])
    assert rows[2][2].startswith(f"{metrics.uar(late['true'], metrics.predicted(late)):.3f} [")
    assert [row[4][0] for row in rows[:4]] == ["–", "–", "+", "-"]
    assert "128 performances, run `fused`" in page  # what all have answered for


def test_the_sample_does_not_take_the_place_of_people(project):
    fusions.keep(project, with_corpus("path"))
    kept = (project.root / fusions.FILE).read_bytes()
    assert "left, for it is of the synthetic sample" in fusions.keep(project, SETTINGS)
    assert (project.root / fusions.FILE).read_bytes() == kept
    page = "\n".join(fusions.section(fusions.read(project.root), SETTINGS))
    assert "Synthetic" not in page


def test_without_a_fusion_nothing_is_kept(tmp_path):
    said = fusions.keep(Project(tmp_path), SETTINGS)
    assert said == "results/search/fused: left, for no fusion was searched and evaluated here"
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
def test_a_damaged_file_is_told(project, damage, message):
    fusions.keep(project, SETTINGS)
    file = project.root / fusions.FILE
    damage(pd.read_csv(file)).to_csv(file, index=False)
    with pytest.raises(AvemoError, match=message):
        fusions.read(project.root)
