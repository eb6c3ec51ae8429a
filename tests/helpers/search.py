"""A tiny search, run as its stage is, and what it leaves."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import psutil
import yaml
from helpers.made_once import made_once
from helpers.split_table import write_split

from avemo.config import load_settings
from avemo.features import store
from avemo.features.audio.whisper import Settings, Whisper
from avemo.paths import ROOT, Project
from avemo.records import SearchResult
from avemo.training import progress
from avemo.training.distributed.workers import WORKERS

CHECKOUT = Path(__file__).parents[2]
TRIALS = 4
FITS = 2 * TRIALS


class Search:
    """A project with made-up features of sound, of which the search takes some seconds."""

    def __init__(
        self, folder: Path, architectures: Sequence[str] = ("whisper_linear",), **settings: Any
    ) -> None:
        folder.mkdir()
        self.project = Project(folder.resolve())
        params = yaml.safe_load((CHECKOUT / "params.yaml").read_text(encoding="utf-8"))
        params["split"]["folds"] = 3
        params["search"]["audio"] |= {
            "architectures": list(architectures),
            "sampling_order": [],
            "batch_size": 2,
            "quick": {"trials": TRIALS, "epochs": 8, "members": 2},
        }
        (folder / "params.yaml").write_text(yaml.safe_dump(params | settings))
        (folder / "dvc.yaml").write_bytes((CHECKOUT / "dvc.yaml").read_bytes())
        rows = pd.DataFrame(
            {
                "performance": f"01-{emotion:02d}-01-01-01-{actor:02d}",
                "actor": f"{actor:02d}",
                "fold": (actor + 1) // 2,
                "part": ("test", "valid", "train")[(actor - 1) // 2],
            }
            for emotion in (1, 3, 4, 5)
            for actor in range(1, 7)
        )
        write_split(self.project, rows)
        random = np.random.default_rng(1)
        means = 0.4 * random.standard_normal((6, 10 * 384))
        clips = {
            name: {
                "whisper": np.zeros((2, 5 * 384), np.float16),
                "whisper_stats": (means[int(name[4])] + random.standard_normal((1, 10 * 384))),
            }
            for name in rows["performance"]
        }
        sources = rows.assign(
            recording="03-" + rows["performance"],
            sha256=rows["performance"],
            file=rows["performance"].map(Path),
        )
        whisper = load_settings(folder).extractors["whisper"]
        assert isinstance(whisper, Settings)
        extractor = Whisper(whisper)
        target = store.Target(
            self.project.features("audio", "whisper"), extractor.spec(), extractor.dtypes
        )
        extract = lambda file, names: {"whisper": clips[file.name]}  # noqa: E731
        store.update({"whisper": target}, sources, extract, workers=1)

    def start(self, workers: int) -> subprocess.Popen[str]:
        """Run the stage."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.search", "audio"],
            cwd=CHECKOUT,
            env=os.environ
            | {
                ROOT: str(self.project.root),
                WORKERS: str(workers),
                "http_proxy": "http://127.0.0.1:1",  # nobody answers there
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def fit_counts(self) -> dict[str, int]:
        """How many fits each worker has finished."""
        folders = self.project.scratch.glob("search/audio/*")
        return dict(sum((progress.count_fits(folder) for folder in folders), start=Counter[str]()))

    def fits(self) -> dict[str, int]:
        """What is kept, and when each was written."""
        files = self.project.scratch.glob("fits/audio/*/*.npy")
        return {file.name: file.stat().st_mtime_ns for file in files}

    def result(self) -> SearchResult:
        """What the search left."""
        return SearchResult.read(self.project.search_result("audio"))

    def runs(self) -> tuple[Any, list[Any]]:
        """The search's run, and its children."""
        client = mlflow.MlflowClient(f"sqlite:///{self.project.root}/mlruns/mlflow.db")
        experiment = client.get_experiment_by_name("avemo/audio")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        (parent,) = [run for run in runs if run.info.run_name == "search"]
        children = [run for run in runs if run is not parent]
        assert {run.data.tags["mlflow.parentRunId"] for run in children} <= {parent.info.run_id}
        return parent, children


def search_alone() -> SearchResult:
    """Return the result of a search by one process, which runs once for all tests."""

    def run(file: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            search = Search(Path(folder) / "project")
            end_stage(search.start(1))
            shutil.copyfile(search.project.search_result("audio"), file)

    return SearchResult.read(made_once("search_alone.json", run))


def trials_of(result: SearchResult) -> list[dict[str, Any]]:
    """Return what was tried, and how good it was, best first."""
    return [{**trial.hyperparameters, "val_uar": trial.val_uar} for trial in result.trials]


def search_processes(starter: subprocess.Popen[Any]) -> dict[str, psutil.Process]:
    """A search's processes below a process, by Keras Tuner's names for them."""
    processes = {}
    for process in psutil.Process(starter.pid).children(recursive=True):
        try:
            if name := process.environ().get("KERASTUNER_TUNER_ID"):
                processes[name] = process
        except psutil.Error:
            continue
    return processes


def wait_until(stage: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, while a stage runs."""
    while not condition():
        assert stage.poll() is None, stage.communicate()[0]
        time.sleep(0.02)


def end_stage(stage: subprocess.Popen[str]) -> str:
    """Wait for a stage, which must end well, and return its output."""
    output = stage.communicate()[0]
    assert stage.returncode == 0, output
    return output
