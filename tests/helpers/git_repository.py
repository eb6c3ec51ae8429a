"""A project in a Git repository, whose data a dvc.lock and the listing in a cache tell of."""

import json
import subprocess
from pathlib import Path

import yaml
from helpers.registered_versions import ROOT, project

from avemo.paths import Project

RECORDINGS = {f"Actor_01/03-01-01-01-01-01-{n:02}.wav": f"{n:032x}" for n in range(1, 13)}
RAW = "f" * 32 + ".dir"
#: by stage: what it reads, and what it writes
MADE = {
    "fetch": (["avemo/corpus/folder.py", "recordings"], ["data/raw"]),
    "catalogue": (["data/raw"], ["data/catalogue.parquet"]),
    "split": (["data/catalogue.parquet"], ["data/split.csv"]),
    "audio-features": (["avemo/features", "data/raw"], ["features/audio"]),
    "search@audio": (["data/split.csv", "features/audio"], ["results/search/audio"]),
    "features@mfcc": (["data/raw"], ["features/audio/mfcc"]),  # of a dvc.yaml that was
}


def git(root, *arguments):
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(root), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path) -> Project:
    """Everything that Git should know of is committed."""
    made = project(folder)
    stages = {
        name: {
            side: [
                {"path": path, "md5": RAW if path == "data/raw" else path[::-1]} for path in all_
            ]
            for side, all_ in zip(("deps", "outs"), both, strict=True)
        }
        for name, both in MADE.items()
    }
    (made.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    listing = made.root / ".dvc/cache/files/md5" / RAW[:2] / RAW[2:]
    listing.parent.mkdir(parents=True)
    listed = [{"relpath": name, "md5": md5} for name, md5 in RECORDINGS.items()]
    listing.write_text(json.dumps(listed))
    (made.root / ".dvc/config").write_bytes((ROOT / ".dvc/config").read_bytes())
    (made.root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (made.root / "avemo").mkdir()
    (made.root / "avemo/code.py").write_text("one = 1\n")
    made.split.write_text("performance,part,fold\n")
    (made.root / ".gitignore").write_text("/data\n")
    git(made.root, "init", "--quiet")
    git(made.root, "add", "-A")
    git(made.root, "commit", "--quiet", "-m", "all")
    return made
