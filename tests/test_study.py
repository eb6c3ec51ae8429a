"""The baselines and the cross-validation are a DVC project of their own, run by name."""

import re
from pathlib import Path

import pytest
from dvc.repo import Repo

ROOT = Path(__file__).parents[1]


def stage_names(folder: Path) -> set[str]:
    with Repo(str(folder)) as repo:
        return {stage.name.split("@")[0] for stage in repo.index.stages}


@pytest.mark.slow
def test_the_project_s_own_commands_leave_the_study_alone() -> None:
    study = {"baselines", "crossvalidate", "crossvalidate-fused"}
    assert stage_names(ROOT / "study") == study
    assert stage_names(ROOT).isdisjoint(study)


@pytest.mark.parametrize("name", ["baselines@lstm", "crossvalidate@audio", "crossvalidate-fused"])
def test_the_code_of_the_study_is_named_file_by_file(name: str) -> None:
    """DVC counts Python's caches in a folder outside the project, so that a rerun changes it."""
    with Repo(str(ROOT / "study")) as repo:
        (stage,) = [stage for stage in repo.index.stages if stage.name == name]
        deps = {Path(dep.fs_path).relative_to(ROOT).as_posix() for dep in stage.deps}
    code = {dep for dep in deps if dep.startswith(("avemo/", "pipelines/"))}
    assert f"pipelines/{re.split('[@-]', name)[0]}.py" in code
    assert [dep for dep in code if not (ROOT / dep).is_file()] == []
