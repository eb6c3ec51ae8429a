"""Runs of `dvc exp run` in a temporary folder end in the project's store, with commit and diff."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
import yaml
from helpers.git_repository import add_dvc, git
from helpers.registered_versions import ROOT, new_project

from avemo.paths import Project
from avemo.tracking import store

STAGE = """
from pathlib import Path
from avemo.commands import run_stage
from avemo.tracking import runs, store

def main(project, settings):
    store.connect(project)
    with runs.run(project, settings, "train@audio", "audio", "train"):
        Path("out.txt").write_text("done")

run_stage(main)
"""


@pytest.fixture
def project(tmp_path: Path, empty_database: Path) -> Project:
    """A project in Git and DVC with one stage, which logs a run."""
    new = new_project(tmp_path / "project")
    add_dvc(new.root)
    (new.root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (new.root / ".gitignore").write_text("/mlruns\n/data\n/out.txt\n")
    (new.root / "train.py").write_text(STAGE)
    stage = {"cmd": f"{sys.executable} train.py", "deps": ["train.py"], "outs": ["out.txt"]}
    (new.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    git(new.root, "init", "--quiet")
    git(new.root, "add", "-A")
    git(new.root, "commit", "--quiet", "-m", "all")
    new.tracking.mkdir()
    shutil.copyfile(empty_database, new.tracking / "mlflow.db")
    return new


def dvc(root: Path, *arguments: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment |= {
        f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    process = subprocess.run(
        # by its script, which is how DVC's own worker is started in turn
        [str(Path(sys.executable).with_name("dvc")), *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.slow
@pytest.mark.parametrize("commands", [["--temp"], ["--queue", "--run-all"]], ids=["temp", "queue"])
def test_a_run_in_a_temporary_folder_is_kept(project: Project, commands: list[str]) -> None:
    with (project.root / "train.py").open("a") as file:
        file.write("# a change that is not committed\n")
    for command in commands:
        dvc(project.root, "exp", "run", command)
    uri = store.default_uri(project)
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("avemo/audio")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.source.git.commit"] == git(project.root, "rev-parse", "HEAD")
    assert run.data.tags["avemo.dirty"] == "true"
    (diff,) = project.tracking.rglob("uncommitted.diff")
    assert "+# a change that is not committed" in diff.read_text()


@pytest.mark.parametrize("inside", ["", "sub"])
def test_the_store_of_a_temporary_folder_is_the_project_s(tmp_path: Path, inside: str) -> None:
    """DVC's folder may be that of the project, or of `study`, which is another for DVC."""
    root = new_project(tmp_path / "project").root
    dvc_root = root / inside
    copy = new_project(dvc_root / ".dvc/tmp/exps/standalone/tmp1234" / "below").root
    assert Project(copy).tracking == root / "mlruns"
    assert Project(root).tracking == root / "mlruns"
