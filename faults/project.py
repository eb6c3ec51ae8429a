"""A small finished project, built once, and a fresh copy of it for each round."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import soundfile
import yaml

from avemo.corpus.adapters.ravdess import EMOTIONS, Recording
from avemo.errors import AvemoError, last_line
from avemo.synthetic.voice import SAMPLE_RATE, speak

__all__ = ["REGISTERED", "ROOT", "TRAINED", "Workspace", "build_projects", "listed_files"]

ROOT = Path(__file__).parents[1]

#: the states of the project that rounds begin with: before the stage `register`; and with a
#: champion, another candidate, and runs that wait in the spool
TRAINED, REGISTERED = "trained", "registered"

#: of the checkout, what no stage reads
_LEFT_OUT = {"benchmarks", "docs", "dvc.lock", "examples", "faults", "results", "tests"}
_ACTORS = 6
#: that a small model of a made-up corpus passes
_LIMITS = {
    "min_uar": 0.0,
    "min_recall": 0.0,
    "max_calibration_error": 1.0,
    "margin": 1.0,
    "max_sex_gap": 1.0,
    "max_latency_ratio": 1000.0,
}
#: what a stage leaves in the spool while the tracking server is away
_WAITING_RUNS = """
import mlflow
from avemo.paths import find_project
from avemo.tracking import runs, store

project = find_project()
store.connect(project)
identifier = store.experiment_id(project, "audio")
with mlflow.start_run(experiment_id=identifier, run_name="waiting") as parent:
    mlflow.log_params({f"parameter_{number}": number for number in range(120)})
    mlflow.log_text("text", "folder/file.txt")
    with runs.child(parent, "member 0", {}):
        for step in range(120):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
"""
#: MLflow creates its tables
_EMPTY_STORE = "import mlflow, sys; mlflow.MlflowClient(sys.argv[1]).search_registered_models()"


@dataclass(frozen=True)
class Workspace:
    """Where everything of the faults is: the states, and the round under way.

    Args:
        folder: of all of it
    """

    folder: Path

    @property
    def round(self) -> Path:
        """The folder of the round under way."""
        return self.folder / "round"

    @property
    def project(self) -> Path:
        """The round's project."""
        return self.round / "project"

    @property
    def other_store(self) -> Path:
        """The round's other registry, which versions are copied to."""
        return self.round / "other"

    @property
    def cache(self) -> Path:
        """The round's cache of avemo."""
        return self.round / "cache"

    @property
    def temporary(self) -> Path:
        """The round's folder of temporary files."""
        return self.round / "tmp"

    def state(self, name: str) -> Path:
        """Return the folder that holds a state."""
        return self.folder / name

    def restore(self, name: str) -> None:
        """Let the round begin with a state, as it was built, at the place where it was built."""
        if self.round.exists():
            shutil.rmtree(self.round)
        _copy(self.state(name), self.round)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a command in the round's project.

        Args:
            extra: more variables
        """
        search_path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AVEMO_", "MLFLOW_"))
        }
        return inherited | {
            "PATH": search_path,
            "PYTHONPATH": str(self.project),
            "TMPDIR": str(self.temporary),
            "AVEMO_CACHE": str(self.cache),
            "AVEMO_ASSETS_ORIGIN": "http://127.0.0.1:1",  # nobody answers there
            "DVC_SITE_CACHE_DIR": str(self.round / "dvc"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
            "NO_PROXY": "*",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **(extra or {}),
        }

    def run(self, *command: str, **extra: str) -> str:
        """Run a command in the round's project undisturbed, and return its output.

        Args:
            extra: variables of its environment

        Raises:
            AvemoError: it fails
        """
        process = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment(extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if process.returncode:
            raise AvemoError(
                f"{' '.join(command[:4])} fails without any fault: {last_line(process.stdout)}"
            )
        return process.stdout


def build_projects(folder: Path) -> Workspace:
    """Return the states of a small project, which are built where they are missing.

    Args:
        folder: that holds them, or gets them
    """
    workspace = Workspace(folder.resolve())
    if not workspace.state(REGISTERED).exists():
        _build(workspace)
    return workspace


def _build(workspace: Workspace) -> None:
    for folder in (workspace.round, workspace.state(TRAINED)):
        shutil.rmtree(folder, ignore_errors=True)
    workspace.temporary.mkdir(parents=True)
    _copy_checkout(workspace.project)
    _write_settings(workspace.project / "params.yaml")
    _write_recordings(workspace.project / "sounds")
    _commit(workspace.project)
    workspace.other_store.mkdir()
    python = sys.executable
    workspace.run(python, "-c", _EMPTY_STORE, f"sqlite:///{workspace.other_store}/mlflow.db")
    workspace.run("dvc", "repro", "evaluate")
    _copy(workspace.round, workspace.state(TRAINED))
    workspace.run("dvc", "repro", "register")
    workspace.run("dvc", "repro", "--force", "--single-item", "register")
    (clip, *_) = sorted((workspace.project / "sounds").iterdir())
    workspace.run("avemo", "predict", str(clip))
    workspace.run(python, "-c", _WAITING_RUNS, MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    workspace.round.rename(workspace.state(REGISTERED))


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with its times and its hard links, by which DVC keeps its outputs."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)


def listed_files() -> list[Path]:
    """Return the checkout's files that a project gets, with those that were not committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = listed.stdout.splitlines()
    return [
        ROOT / name
        for name in names
        if (ROOT / name).is_file() and Path(name).parts[0] not in _LEFT_OUT
    ]


def _copy_checkout(project: Path) -> None:
    for file in listed_files():
        target = project / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _write_settings(file: Path) -> None:
    """Change the settings to one small network that hears a small corpus."""
    params = yaml.safe_load(file.read_text(encoding="utf-8"))
    params["corpus"] |= {"source": "path", "path": "sounds"}
    params["extractors"] = {"mfcc": params["extractors"]["mfcc"]}
    params["search"]["audio"] |= {
        "architectures": ["lstm"],
        "fallback": [],
        "sampling_order": [],
        "quick": {"trials": 1, "epochs": 2, "members": 1},
    }
    params["promotion"] |= _LIMITS
    params["evaluation"]["resamples"] = 200
    file.write_text(yaml.safe_dump(params), encoding="utf-8")


def _write_recordings(folder: Path) -> None:
    """Write a sound an emotion of each actor, in RAVDESS's names."""
    folder.mkdir()
    for actor, emotion in product(range(1, _ACTORS + 1), range(len(EMOTIONS))):
        sound = speak(actor, emotion, strength=1, statement=1, seed=1, take=emotion)
        recording = Recording(3, 1, emotion + 1, 1, 1, 1, actor)
        soundfile.write(folder / f"{recording.id}.wav", sound, SAMPLE_RATE)


def _commit(project: Path) -> None:
    who = ["-c", "user.name=Faults", "-c", "user.email=faults@example.org"]
    for command in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "-qm", "a project"]):
        subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
