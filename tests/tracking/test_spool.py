"""Where the tracking server is away, a run is stored in the spool, and delivered once, later."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import mlflow
import pytest
from helpers import servers
from helpers.registered_versions import ROOT, new_project
from mlflow.entities import Run

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.tracking import reach, runs, spool, store
from avemo.tracking.copy_run import copy_run

AWAY = "http://127.0.0.1:1"


@pytest.fixture
def offline_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> Project:
    """A project whose server is away; its spool has its tables already."""
    offline = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(offline.root))
    monkeypatch.setenv(store.TRACKING_URI, AWAY)
    offline.catalogue.unlink()
    folder = offline.root / "mlruns" / "spool"
    folder.mkdir(parents=True)
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    return offline


@pytest.fixture
def server_uri(tmp_path: Path, empty_database: Path) -> str:
    """The address of the store that the runs are delivered to."""
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "mlflow.db").write_bytes(empty_database.read_bytes())
    return f"sqlite:///{tmp_path}/server/mlflow.db"


def log_training(project: Project) -> tuple[str, str]:
    """Log a run with a child, metrics by epoch, an artifact and a dataset; return both ids."""
    store.connect(project)
    parent = mlflow.start_run(
        experiment_id=store.experiment_id(project, "audio"),
        run_name="train cnn",
        tags={"avemo.modality": "audio"},
    )
    with parent:
        mlflow.log_params({f"p{i}": i for i in range(150)})
        mlflow.log_text("text", "folder/file.txt")
        mlflow.log_input(runs._dataset("data/split.csv", "0123"), context="train")
        with runs.child(parent, "member 0", {"avemo.trained": parent.info.run_id}) as child:
            for step in range(120):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
    return parent.info.run_id, child.info.run_id


def names(client: mlflow.MlflowClient, view: int = 1) -> list[str]:
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return sorted(run.info.run_name for run in client.search_runs(ids, run_view_type=view))


@pytest.mark.slow
def test_a_run_waits_and_is_delivered_once(
    offline_project: Project,
    server_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    parent, child = log_training(offline_project)
    message = f"the tracking server at {AWAY} does not answer: the run is kept in mlruns/spool"
    assert message in caplog.text
    assert os.environ[store.TRACKING_URI] == store.spool_uri(offline_project)
    before = mlflow.get_run(parent)
    monkeypatch.setenv(store.TRACKING_URI, AWAY)
    assert main(["runs", "sync"]) == 1
    assert "does not answer: start it" in capsys.readouterr().err

    monkeypatch.setenv(store.TRACKING_URI, server_uri)
    assert main(["runs", "sync"]) == 0
    assert capsys.readouterr().out.count(" is delivered, as ") == 2
    assert main(["runs", "sync"]) == 0
    assert capsys.readouterr().out == "no run waits\n"
    client = mlflow.MlflowClient()
    assert names(client) == ["member 0", "train cnn"]
    delivered = client.get_run(spool.resolve_run_id(parent))
    assert (delivered.info.status, delivered.info.start_time, delivered.info.end_time) == (
        "FINISHED",
        before.info.start_time,
        before.info.end_time,
    )
    assert delivered.data.params == before.data.params
    assert delivered.data.tags["avemo.modality"] == "audio"
    assert delivered.inputs is not None
    assert delivered.inputs.dataset_inputs[0].dataset.name == "data/split.csv"
    assert mlflow.artifacts.load_text(f"runs:/{delivered.info.run_id}/folder/file.txt") == "text"
    member = client.get_run(spool.resolve_run_id(child))
    assert member.data.tags["mlflow.parentRunId"] == delivered.info.run_id
    assert member.data.tags["avemo.trained"] == delivered.info.run_id
    values = client.get_metric_history(member.info.run_id, "loss")
    assert sorted((value.step, value.value) for value in values) == [
        (i, 1 / (i + 1)) for i in range(120)
    ]


@pytest.mark.slow
def test_the_next_stage_finds_a_delivered_run(
    offline_project: Project, server_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, _ = log_training(offline_project)
    monkeypatch.setenv(store.TRACKING_URI, server_uri)
    assert main(["runs", "sync"]) == 0
    with runs.reopen(parent):
        mlflow.log_metric("test_uar", 0.5)
    assert mlflow.get_run(spool.resolve_run_id(parent)).data.metrics["test_uar"] == 0.5
    monkeypatch.setenv(store.TRACKING_URI, AWAY)
    store.connect(offline_project)
    with pytest.raises(AvemoError, match="is at the tracking server, which does not answer"):
        spool.resolve_run_id(parent)


@pytest.mark.slow
def test_a_delivery_that_is_cut_short_is_made_again(
    offline_project: Project, server_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_training(offline_project)
    monkeypatch.setenv(store.TRACKING_URI, server_uri)
    upload = mlflow.MlflowClient.log_artifacts

    def interrupt(*arguments: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(mlflow.MlflowClient, "log_artifacts", interrupt)
    assert main(["runs", "sync"]) == 1
    monkeypatch.setattr(mlflow.MlflowClient, "log_artifacts", upload)
    assert main(["runs", "sync"]) == 0
    client = mlflow.MlflowClient()
    assert names(client) == ["member 0", "train cnn"]
    assert names(client, view=3) == ["member 0", "train cnn", "train cnn"]  # one is in the bin


@pytest.mark.slow
def test_a_child_that_is_delivered_later_belongs_to_its_parent_at_the_server(
    offline_project: Project, server_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, _ = log_training(offline_project)
    monkeypatch.setenv(store.TRACKING_URI, server_uri)

    def interrupt(run: Run, *arguments: Any) -> str:
        if run.info.run_id != parent:
            raise KeyboardInterrupt
        return copy_run(run, *arguments)

    monkeypatch.setattr(spool, "copy_run", interrupt)
    assert main(["runs", "sync"]) == 1
    monkeypatch.setattr(spool, "copy_run", copy_run)
    assert main(["runs", "sync"]) == 0
    (experiment,) = mlflow.search_experiments(filter_string="name = 'avemo/audio'")
    runs_there = mlflow.MlflowClient().search_runs([experiment.experiment_id])
    by_name = {run.info.run_name: run for run in runs_there}
    tags = by_name["member 0"].data.tags
    assert len(runs_there) == 2
    assert tags["mlflow.parentRunId"] == by_name["train cnn"].info.run_id
    assert tags["avemo.trained"] == by_name["train cnn"].info.run_id


def test_a_run_that_has_not_ended_waits_with_its_children(
    offline_project: Project,
    server_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store.connect(offline_project)
    client = mlflow.MlflowClient()
    experiment = store.experiment_id(offline_project, "audio")
    parent = client.create_run(experiment, run_name="search")
    tags = {"mlflow.parentRunId": parent.info.run_id}
    child = client.create_run(experiment, run_name="trial", tags=tags)
    client.set_terminated(child.info.run_id)
    monkeypatch.setenv(store.TRACKING_URI, server_uri)
    assert main(["runs", "sync"]) == 0
    assert capsys.readouterr().out.count("has not ended, and waits") == 2
    assert names(mlflow.MlflowClient()) == []


@pytest.mark.parametrize(
    "command", [["registry", "check"], ["registry", "history"], ["compare", "a"], ["status"]]
)
def test_what_only_reads_does_not_spool(
    offline_project: Project, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert f"the tracking server at {AWAY} does not answer" in err
    assert "Traceback" not in out + err


STAGE = """
import os, signal
from avemo.commands import run_stage
from avemo.tracking import store

def main(project, settings):
    store.connect(project)
    import mlflow
    experiment = store.experiment_id(project, "audio")
    with mlflow.start_run(experiment_id=experiment, run_name="train cnn"):
        mlflow.log_metric("epoch", 1)
        if os.environ["MLFLOW_TRACKING_URI"].startswith("http"):
            os.killpg({group}, signal.SIGKILL)
        mlflow.log_metric("uar", 0.5)

run_stage(main)
"""


@pytest.mark.slow
def test_a_server_that_goes_away_in_the_middle(offline_project: Project, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    (tmp_path / "server").mkdir()
    with servers.small_mlflow_server(tmp_path / "server") as (uri, group):
        script.write_text(STAGE.format(group=group))
        environment = os.environ | {store.TRACKING_URI: uri, "PYTHONPATH": str(ROOT)}
        environment["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
        completed = subprocess.run(
            [sys.executable, str(script)], env=environment, capture_output=True, text=True
        )
    assert completed.returncode == 0, completed.stderr[-2000:]
    assert "avemo: the tracking server went away: the stage begins again" in completed.stderr
    assert "the run is kept in mlruns/spool" in completed.stderr
    client = mlflow.MlflowClient(store.spool_uri(offline_project))
    experiment = client.get_experiment_by_name("avemo/audio")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.data.metrics["uar"]) == ("FINISHED", 0.5)


def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a connection, and that is all."""
    import socket

    monkeypatch.setattr(reach, "_ANSWER_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", servers.free_port()))
        silent.listen()
        host, port = silent.getsockname()
        assert not reach.is_responding(f"http://{host}:{port}")
