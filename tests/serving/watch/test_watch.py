"""`avemo watch`, as a process of its own and in this one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from helpers.many_clips import register_champion, write_clips
from helpers.registered_versions import new_network, register_version
from helpers.servers import small_mlflow_server

from avemo.cli import main
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.pretrained import assets
from avemo.records import ValidationProfile
from avemo.tracking import store

ROOT = Path(__file__).parents[3]
OUTPUT = Path("incoming-emotions")
PROFILE = ValidationProfile(
    modality="audio",
    performances=200,
    emotions=dict.fromkeys(EMOTIONS, 25),
    unsure=20,
    loudness_dbfs=[-40 + step for step in range(21)],
    face_px=[],
)


@pytest.fixture
def project(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = register_champion(tmp_path, profile=PROFILE)
    monkeypatch.setenv("AVEMO_ROOT", str(root))
    monkeypatch.chdir(tmp_path)
    Path("incoming").mkdir()
    return root


def watch_once(*options: str) -> None:
    assert main(["watch", "incoming", "--once", "--settle", "0", *options]) == 0


def rows() -> pd.DataFrame:
    return pd.read_parquet(OUTPUT / "rows").reset_index()


def journal_lines() -> int:
    return len((OUTPUT / "journal").read_text().splitlines()) - 1


def last_metrics() -> dict[str, float]:
    run_id = json.loads((OUTPUT / "run.json").read_text())["run_id"]
    run = mlflow.MlflowClient().get_run(run_id)
    assert run.info.status == "FINISHED"
    return dict(run.data.metrics)


@pytest.mark.slow
def test_each_file_has_one_row_and_the_run_its_figures(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_clips(tmp_path / "incoming", 3)
    (tmp_path / "incoming" / "broken.wav").write_bytes(b"no sound")
    watch_once()
    out, err = capsys.readouterr()
    assert out.count(": happy ") == 3
    assert "broken.wav: unreadable: " in err
    assert err.splitlines()[-1] == f"avemo: ended: 4 new files, 4 in {tmp_path / OUTPUT / 'rows'}"
    table = rows()
    assert sorted(table["file"]) == sorted([*(file.name for file in files), "broken.wav"])
    usable = table[table["finding"] == ""]
    assert usable["loudness_dbfs"].between(-15, 0).all()
    assert set(usable["model"]) == {"avemo-audio"}
    expected = {"clips": 4, "answered": 3, "count_happy": 3, "count_sad": 0, "share_finding": 0.25}
    assert last_metrics().items() >= expected.items()

    write_clips(tmp_path / "more", 5)[4].rename(tmp_path / "incoming" / "late.wav")
    shutil.copyfile(files[0], tmp_path / "incoming" / "the same.wav")
    os.utime(files[1], (1, 1))
    watch_once()
    table = rows()
    assert len(table) == journal_lines() == 6, "a new time alone is no new file"
    assert table["file"].is_unique
    same = table[table["sha256"] == table.set_index("file").loc["the same.wav", "sha256"]]
    assert same["p_happy"].nunique() == 1
    assert last_metrics()["clips"] == 6
    run_id = json.loads((OUTPUT / "run.json").read_text())["run_id"]
    artifacts = mlflow.MlflowClient().list_artifacts(run_id, "rows")
    assert [Path(artifact.path).name for artifact in artifacts] == [
        "part-000001.parquet",
        "part-000002.parquet",
    ]
    watch_once()
    assert len(rows()) == journal_lines() == 6


@pytest.mark.slow
def test_a_new_champion_answers_for_what_lands_from_then_on(project: Path, tmp_path: Path) -> None:
    write_clips(tmp_path / "incoming", 1)
    watch_once()
    register_version(tmp_path / "next", None, alias="champion", network=new_network("sad"))
    write_clips(tmp_path / "more", 5)[4].rename(tmp_path / "incoming" / "late.wav")
    watch_once()
    table = rows().set_index("file")
    assert table["emotion"].to_dict() == {"take 000.wav": "happy", "late.wav": "sad"}
    assert table["version"].to_dict() == {"take 000.wav": "1", "late.wav": "2"}


def start() -> subprocess.Popen[str]:
    command = ["watch", "incoming", "--settle", "0.3", "--every", "0.1"]
    return subprocess.Popen(
        [sys.executable, "-m", "avemo.cli", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_rows(process: subprocess.Popen[str], count: int) -> None:
    for _ in range(6000):
        if (OUTPUT / "journal").exists() and journal_lines() >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("no rows came")


@pytest.mark.slow
def test_a_watcher_that_is_killed_and_one_that_is_told_to_end(
    project: Path, tmp_path: Path
) -> None:
    write_clips(tmp_path / "incoming", 40)
    process = start()
    wait_for_rows(process, 5)
    process.kill()
    process.communicate()
    before = (OUTPUT / "journal").read_bytes().splitlines()[:-1]

    process = start()
    wait_for_rows(process, 40)
    write_clips(tmp_path / "more", 50)[49].rename(tmp_path / "incoming" / "late.wav")
    wait_for_rows(process, 41)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err.splitlines()[-1].startswith("avemo: ended: ")
    assert "Traceback" not in err
    complete = len(before) - 1  # and perhaps the last line, which the kill may have cut
    assert 41 - out.count("\n") in (complete, complete + 1)
    assert (OUTPUT / "journal").read_bytes().splitlines()[: len(before)] == before
    table = rows()
    assert len(table) == journal_lines() == 41
    assert table["file"].is_unique
    assert last_metrics()["clips"] == 41


@pytest.mark.slow
def test_the_drift_report(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "incoming", "--report", "drift.html"]) == 1
    assert "has no rows: run `avemo watch` first" in capsys.readouterr().err
    write_clips(tmp_path / "incoming", 25)
    watch_once()
    capsys.readouterr()
    assert main(["watch", "incoming", "--report", "drift.html"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("avemo-audio version 1: 25 clips from 20")
    assert lines[1].startswith("Not sure: 0% [0%, 13%] of the answers, 10% in validation: ")
    assert "Most changed is happy, from 12% to 100%." in lines[2]
    assert "others than in validation" in lines[2]
    assert lines[3].startswith("Loudness: median -")
    assert lines[3].endswith("more than chance makes.")
    assert lines[4] == "Without an answer: 0% [0%, 13%] of the clips."
    page = Path("drift.html").read_text()
    assert 'src="data:image/png;base64,' in page
    assert "no diagnosis" in page
    assert main(["watch", "incoming", "--report", "drift.png"]) == 0
    assert Path("drift.png").read_bytes().startswith(b"\x89PNG")
    assert main(["watch", "incoming", "--report", "drift.pdf"]) == 1


@pytest.mark.slow
def test_a_version_without_a_profile(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "next", None, alias="champion", network=new_network("sad"))
    write_clips(tmp_path / "incoming", 1)
    watch_once()
    assert main(["watch", "incoming", "--report", "drift.html"]) == 1
    assert "avemo-audio version 2 has no validation profile" in capsys.readouterr().err


@pytest.mark.slow
def test_a_tracking_server_that_is_away_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    with small_mlflow_server(tmp_path) as (uri, group):
        monkeypatch.setenv(store.TRACKING_URI, uri)
        client = mlflow.MlflowClient()
        store.ensure_experiment(client, uri, "avemo/audio")
        monkeypatch.setenv("AVEMO_ROOT", str(register_champion(tmp_path)))
        write_clips(tmp_path / "incoming", 2)
        process = start()
        wait_for_rows(process, 2)
        run_id = wait_for_clips(client, 2)
        os.killpg(group, signal.SIGSTOP)
        try:
            write_clips(tmp_path / "more", 9)[8].rename(tmp_path / "incoming" / "late.wav")
            wait_for_rows(process, 3)
        finally:
            os.killpg(group, signal.SIGCONT)
        assert wait_for_clips(client, 3) == run_id
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "the versions before answer on" in err
        assert err.splitlines()[-1].startswith("avemo: ended: 3 new files")
        assert client.get_run(run_id).info.status == "FINISHED"
    assert set(rows()["emotion"]) == {"happy"}


def wait_for_clips(client: mlflow.MlflowClient, count: int) -> str:
    """Wait until the run has so many clips, and return its id."""
    for _ in range(600):
        if (OUTPUT / "run.json").exists():
            run_id = str(json.loads((OUTPUT / "run.json").read_text())["run_id"])
            if client.get_run(run_id).data.metrics.get("clips") == count:
                return run_id
        time.sleep(0.1)
    raise AssertionError("the run is not up to date")
