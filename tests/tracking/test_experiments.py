"""Runs of `dvc exp run` in a temporary folder end in the project's store, with commit and diff."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
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
    stage |= {"params": ["seed"]}
    (new.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    git(new.root, "init", "--quiet")
    git(new.root, "add", "-A")
    git(new.root, "commit", "--quiet", "-m", "all")
    new.tracking.mkdir()
    shutil.copyfile(empty_database, new.tracking / "mlflow.db")
    return new


def dvc(root: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment |= {
        f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    process = subprocess.run(
        [str(Path(sys.executable).with_name("dvc")), *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.slow
def test_a_run_in_a_temporary_folder_is_kept(project: Project) -> None:
    with (project.root / "train.py").open("a") as file:
        file.write("# a change that is not committed\n")
    dvc(project.root, "exp", "run", "--temp")
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


@pytest.mark.slow
def test_runs_of_the_queue_are_kept_and_applied(project: Project) -> None:
    head = git(project.root, "rev-parse", "HEAD")
    for seed in ("5", "6"):
        dvc(project.root, "exp", "run", "--queue", "-S", f"seed={seed}", "--name", f"seed{seed}")
    celery = project.root / ".dvc/tmp/exps/celery"
    try:
        dvc(project.root, "queue", "start")
        end = time.monotonic() + 600
        while not re.fullmatch(r"(.*(Success|Failed)\n?){2}", _tasks(project.root)):
            assert time.monotonic() < end, dvc(project.root, "queue", "status")
            time.sleep(5)  # each look starts DVC
    finally:
        _stop_workers(celery)
    assert _tasks(project.root).count("Success") == 2, "".join(
        file.read_text() for file in celery.glob("*.out")
    )
    client = mlflow.MlflowClient(store.default_uri(project))
    experiment = client.get_experiment_by_name("avemo/audio")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.data.tags["avemo.seed"] for run in runs} == {"5", "6"}
    for run in runs:
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.source.git.commit"] == head
        (diff,) = project.tracking.rglob(f"{run.info.run_id}/artifacts/uncommitted.diff")
        assert f"+seed: {run.data.tags['avemo.seed']}" in diff.read_text()
    dvc(project.root, "exp", "apply", "seed5")
    assert yaml.safe_load((project.root / "params.yaml").read_text())["seed"] == 5
    assert (project.root / "out.txt").read_text() == "done"


def _tasks(root: Path) -> str:
    """Return the lines of the queue's table that name an experiment."""
    lines = dvc(root, "queue", "status").splitlines()
    return "\n".join(line for line in lines if "seed" in line)


def _stop_workers(celery: Path) -> None:
    """End the queue's workers, which are daemons, by the ids that they leave."""
    for file in celery.glob("*.pid"):
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(file.read_text()), signal.SIGTERM)


@pytest.mark.parametrize("inside", ["", "sub"])
def test_the_store_of_a_temporary_folder_is_the_project_s(tmp_path: Path, inside: str) -> None:
    """DVC's folder may be that of the project, or of `study`, which is another for DVC."""
    root = new_project(tmp_path / "project").root
    dvc_root = root / inside
    copy = new_project(dvc_root / ".dvc/tmp/exps/standalone/tmp1234" / "below").root
    assert Project(copy).tracking == root / "mlruns"
    assert Project(root).tracking == root / "mlruns"
