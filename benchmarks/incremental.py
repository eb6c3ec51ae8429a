"""One actor more, and nothing more, against everything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from avemo.corpus import synthetic
from avemo.settings import Sample

from . import recordings as on

ROOT = Path(__file__).parents[1]
ACTORS = 24
#: an actor's sample recordings stand for so many, under other names and with a byte of their own
COPIES = 2
ROUNDS = 3


def bench(scratch: Path, given: Path | None) -> dict[str, Any]:
    """The stages from catalogue to features, as `dvc repro` runs them, in a checkout of its own."""
    corpus = scratch / "corpus"
    synthetic.make(corpus, Sample(actors=ACTORS, statements=1, repetitions=1), seed=1)
    _multiplied(corpus)
    checkout = _checkout(scratch / "checkout", corpus)
    held = scratch / "held"
    last = [*corpus.glob(f"*/Actor_{ACTORS:02d}")]
    for folder in last:
        shutil.move(folder, held / folder.parent.name / folder.name)
    whole = on.timed(lambda: _dvc(checkout, "repro", "features", "faces"))
    shutil.rmtree(checkout / "features")
    stages = on.timed(lambda: [_stage(checkout, name) for name in ("features", "faces")])
    for folder in held.glob("*/*"):
        shutil.move(folder, corpus / folder.parent.name / folder.name)
    _dvc(checkout, "repro", "soundtrack")
    one = on.timed(lambda: [_stage(checkout, name) for name in ("features", "faces")])
    full = stages * ACTORS / (ACTORS - 1)
    _dvc(checkout, "repro", "features", "faces")
    again, status = [], []
    for _ in range(ROUNDS):
        again.append(on.timed(lambda: _dvc(checkout, "repro", "features", "faces")))
        status.append(on.timed(lambda: _dvc(checkout, "status", "features", "faces")))
    return {
        "about": f"Features of {ACTORS} actors (the synthetic sample corpus, each recording "
        f"{COPIES} times under other names): audio and faces, with the start of the processes; "
        f"`dvc repro` of 23 actors from nothing, with catalogue and cache, took {whole:.0f} s.",
        "rows": [
            {
                "what": "one actor added to 23, of the full time",
                "ours": f"{one:.1f} s",
                "other": f"{full:.1f} s",
                "ratio": one / full,
                "wanted": "at most 1/15 (0.067); 1/24 is 0.042",
            },
            {
                "what": "nothing changed: `dvc repro`, of `dvc status`",
                "ours": f"{on.middle(again):.2f} s",
                "other": f"{on.middle(status):.2f} s",
                "ratio": on.middle(again) / on.middle(status),
                "wanted": "at most 1.5",
                "rounds": {"ours": again, "other": status},
            },
        ],
        "limit": "What holds one actor back is the start of the processes, which is the same for "
        "one actor and for all.",
    }


def _multiplied(corpus: Path) -> None:
    """Other takes: the same recording, as another repetition, with a byte more at its end."""
    for file in [*corpus.rglob("*.wav"), *corpus.rglob("*.mp4")]:
        fields = file.stem.split("-")
        for copy in range(1, COPIES):
            fields[5] = f"{copy + 1:02d}"
            content = file.read_bytes() + bytes(copy)
            file.with_name("-".join(fields) + file.suffix).write_bytes(content)


def _checkout(folder: Path, corpus: Path) -> Path:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if name != "dvc.lock" and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["corpus"] |= {"source": "path", "path": str(corpus)}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return folder


def _env(checkout: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(checkout)}


def _dvc(checkout: Path, *arguments: str) -> None:
    _run(checkout, "dvc", *arguments)


def _stage(checkout: Path, name: str) -> None:
    _run(checkout, sys.executable, "-m", f"pipelines.{name}")


def _run(checkout: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=checkout, env=_env(checkout), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
