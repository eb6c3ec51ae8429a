"""A project in a Git repository, whose data DVC's files and the listing in its cache describe."""

import hashlib
import json
import subprocess
from pathlib import Path

import yaml
from helpers.registered_versions import ROOT, new_project

from avemo.paths import Project

RECORDINGS = {f"Actor_01/03-01-01-01-01-01-{n:02}.wav": f"{n:032x}" for n in range(1, 13)}
LISTING = json.dumps([{"md5": md5, "relpath": name} for name, md5 in RECORDINGS.items()])
RAW = hashlib.md5(LISTING.encode()).hexdigest() + ".dir"
#: by stage: what it reads, and what it writes
STAGES = {
    "fetch": (["avemo/corpus/folder.py", "recordings"], ["data/raw"]),
    "catalogue": (["data/raw"], ["data/catalogue.parquet"]),
    "split": (["data/catalogue.parquet"], ["data/split.csv"]),
    "audio-features": (["avemo/features", "data/raw"], ["features/audio"]),
    "search@audio": (["data/split.csv", "features/audio"], ["results/search/audio"]),
    "train@audio": (
        ["data/split.csv", "features/audio", "results/search/audio"],
        ["results/train"],
    ),
}
#: what dvc.lock holds besides: a stage of a dvc.yaml that was
FORMER_STAGES = {"features@mfcc": (["data/raw"], ["features/audio/mfcc"])}


def git(root: Path, *arguments: str | Path) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(root), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def new_repository(folder: Path) -> Project:
    """Return a project of which everything that Git should know of is committed.

    All stages have run but the training.
    """
    new = new_project(folder)
    write_pipeline(new.root, STAGES)
    locked = {name: STAGES[name] for name in STAGES if name != "train@audio"} | FORMER_STAGES
    write_lock(new.root, locked)
    listing = new.root / ".dvc/cache/files/md5" / RAW[:2] / RAW[2:]
    listing.parent.mkdir(parents=True)
    listing.write_text(LISTING)
    add_dvc(new.root)
    (new.root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (new.root / "avemo").mkdir()
    (new.root / "avemo/code.py").write_text("one = 1\n")
    new.split.write_text("performance,part,fold\n")
    (new.root / ".gitignore").write_text("/data\n")
    git(new.root, "init", "--quiet")
    git(new.root, "add", "-A")
    git(new.root, "commit", "--quiet", "-m", "all")
    return new


def add_dvc(root: Path) -> None:
    """Make a folder a DVC project, with the settings of this one."""
    (root / ".dvc").mkdir(exist_ok=True, parents=True)
    (root / ".dvc/config").write_bytes((ROOT / ".dvc/config").read_bytes())


def write_pipeline(root: Path, stages: dict[str, tuple[list[str], list[str]]]) -> None:
    """Write a dvc.yaml; a stage `search@audio` is of a `foreach`."""
    pipeline: dict[str, dict[str, object]] = {}
    for name, (deps, outs) in stages.items():
        body: dict[str, object] = {"cmd": "true", "deps": deps, "outs": outs}
        plain, _, item = name.partition("@")
        pipeline[plain] = {"foreach": [item], "do": body} if item else body
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": pipeline}))


def write_lock(root: Path, stages: dict[str, tuple[list[str], list[str]]]) -> None:
    """Write a dvc.lock, in which the md5 of a path is the path backwards."""

    def files(paths: list[str]) -> list[dict[str, str]]:
        md5 = {path: RAW if path == "data/raw" else path[::-1] for path in paths}
        return [{"path": path, "hash": "md5", "md5": md5[path]} for path in paths]

    entries = {
        name: {"cmd": "true", "deps": files(deps), "outs": files(outs)}
        for name, (deps, outs) in stages.items()
    }
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": entries}))
