"""One actor more, and nothing more, against everything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

import yaml

from avemo.corpus import checks

from .measuring import Options, find_recordings, time_s
from .results import Benchmark, Comparison

ROOT = Path(__file__).parents[1]
ROUNDS = 5
STAGES = ("fetch", "catalogue", "split", "soundtrack", "audio-features", "faces")
ADDED_ACTOR = 24


def run(scratch: Path, options: Options) -> Benchmark:
    """Time the stages of features and faces in a checkout, and `dvc repro` of nothing."""
    corpus, held_back = scratch / "corpus", scratch / "held_back"
    source = _write_corpus(scratch, options.recordings, corpus)
    checkout = _write_checkout(scratch / "checkout", corpus)
    for folder in corpus.glob(f"*/Actor_{ADDED_ACTOR:02d}"):
        (held_back / folder.parent.name).mkdir(parents=True)
        folder.rename(held_back / folder.parent.name / folder.name)
    _run_dvc(checkout, "repro", "soundtrack")
    first_actors_s = time_s(lambda: _run_feature_stages(checkout))
    for folder in held_back.glob("*/*"):
        folder.rename(corpus / folder.parent.name / folder.name)
    _run_dvc(checkout, "repro", "soundtrack")
    added_actor_s = time_s(lambda: _run_feature_stages(checkout))
    all_actors_s = first_actors_s * ADDED_ACTOR / (ADDED_ACTOR - 1)
    _run_dvc(checkout, "repro")
    repro_s, status_s = [], []
    for _ in range(ROUNDS):
        repro_s.append(time_s(lambda: _run_dvc(checkout, "repro")))
        status_s.append(time_s(lambda: _run_dvc(checkout, "status")))
    return Benchmark(
        about="Audio features and faces of the 2,452 performances of 24 actors, with the start of "
        f"the processes ({source}: those that are missing are replaced by others, with bytes of "
        "their own).",
        comparisons=[
            Comparison(
                what="one actor added to 23, of the full time",
                ours=f"{added_actor_s:.1f} s",
                other=f"{all_actors_s:.1f} s",
                ratio=added_actor_s / all_actors_s,
                target="at most 1/15, 0.067",
            ),
            Comparison(
                what="nothing changed: `dvc repro`, of `dvc status`",
                ours=f"{median(repro_s):.2f} s",
                other=f"{median(status_s):.2f} s",
                ratio=median(repro_s) / median(status_s),
                target="at most 1.5",
                rounds={"ours": repro_s, "other": status_s},
            ),
        ],
        limit="One actor's share is 1/24, 0.042; the rest is the start of the processes "
        "(pandas, librosa, InsightFace), the same for one actor and for all. `dvc repro` and "
        "`dvc status` are DVC alone: no stage runs.",
    )


def _write_corpus(scratch: Path, recordings: Path | None, folder: Path) -> str:
    """Write every published performance as a film and a sound, and return what they are called."""
    for suffix, modality in ((".wav", 3), (".mp4", 1)):
        files, source = find_recordings(scratch, recordings, suffix)
        by_name = {file.stem: file for file in files}
        published = [item for item in checks.list_published() if item.modality == modality]
        for number, recording in enumerate(published):
            target = folder / recording.file
            target.parent.mkdir(parents=True, exist_ok=True)
            if recording.id in by_name:
                target.write_bytes(by_name[recording.id].read_bytes())
                continue
            # a box that players skip, and WAV readers do not reach
            box = (16).to_bytes(4) + b"free" + number.to_bytes(8)
            target.write_bytes(files[number % len(files)].read_bytes() + box)
    return source


def _write_checkout(folder: Path, corpus: Path) -> Path:
    """Copy the repository's files, with a pipeline that ends at the faces of a corpus."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if name != "dvc.lock" and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["corpus"] |= {"source": "path", "path": str(corpus)}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    pipeline = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))
    stages = {name: pipeline["stages"][name] for name in STAGES}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    return folder


def _run_dvc(checkout: Path, *arguments: str) -> None:
    _run(checkout, "dvc", *arguments)


def _run_feature_stages(checkout: Path) -> None:
    for name in ("audio_features", "faces"):
        _run(checkout, sys.executable, "-m", f"pipelines.{name}")


def _run(checkout: Path, *command: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(checkout)}
    result = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stdout[-2000:]}{result.stderr[-2000:]}")
