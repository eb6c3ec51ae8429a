"""What a run records of its data is what dvc.lock says of the stage's dependencies."""

from pathlib import Path

import pytest
import yaml
from helpers.git_repository import add_dvc, git, write_lock, write_pipeline

from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.tracking import dvc_lock

PIPELINE = {
    "split": (["data/catalogue.parquet"], ["data/split.csv"]),
    "search@audio": (["data/split.csv", "features/audio"], ["results/search/audio"]),
    "features": (
        ["data/catalogue.parquet"],
        ["features/audio", "features/audiobooks", "features/faces", "features/visual"],
    ),
    "catalogue": (["recordings"], ["data/catalogue.parquet"]),
}
STUDY = {
    "baselines": {
        "foreach": {"lstm": "features/audio/mfcc", "ml": "features/audio"},
        "do": {
            "cmd": "true",
            "deps": ["../avemo/${key}.py", "../data/catalogue.parquet", "../${item}"],
            "outs": ["baselines/${key}"],
        },
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Both pipelines, none of whose stages has run."""
    add_dvc(tmp_path)
    add_dvc(tmp_path / "study")
    git(tmp_path, "init", "--quiet")
    write_pipeline(tmp_path, PIPELINE)
    (tmp_path / "study/dvc.yaml").write_text(yaml.safe_dump({"stages": STUDY}))
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("split", ["data/catalogue.parquet"]),
        ("search@audio", ["data/split.csv", "features/audio"]),
        ("baselines@lstm", ["data/catalogue.parquet", "features/audio"]),
        ("baselines@ml", ["data/catalogue.parquet", "features/audio"]),
    ],
)
def test_data(project: Project, stage: str, names: list[str]) -> None:
    assert dvc_lock.read(project).data(stage) == {}
    write_lock(project.root, PIPELINE)
    assert dvc_lock.read(project).data(stage) == {name: name[::-1] for name in names}


def test_upstream_holds_the_stages_that_ran(project: Project) -> None:
    """What dvc.yaml declares and dvc.lock does not record was not read."""
    write_lock(project.root, PIPELINE)
    write_pipeline(
        project.root, PIPELINE | {"catalogue": (["recordings", "new"], ["data/catalogue.parquet"])}
    )
    upstream = dvc_lock.read(project).upstream("baselines@lstm")
    assert set(upstream) == {"catalogue", "features"}
    assert upstream["catalogue"].deps == {"recordings": "sgnidrocer"}
    assert upstream["features"].outs["features/faces"] == "secaf/serutaef"


def test_a_damaged_lock_is_named(project: Project) -> None:
    (project.root / "dvc.lock").write_text("stages: {}")
    with pytest.raises(AvemoError, match=r"DVC cannot read the stages: .*dvc\.lock' validation"):
        dvc_lock.read(project)


def test_outside_a_dvc_project_nothing_is_recorded(tmp_path: Path) -> None:
    write_pipeline(tmp_path, PIPELINE)
    write_lock(tmp_path, PIPELINE)
    assert dvc_lock.read(Project(tmp_path)) == dvc_lock.Lock()
