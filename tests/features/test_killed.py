"""A run that is killed keeps every finished actor, and ends as an undisturbed one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = """
import sys, time
from pathlib import Path
import numpy as np, pandas as pd
from avemo.features import store
from avemo.features.spec import FeatureSpec

folder, log = Path(sys.argv[1]), Path(sys.argv[2])

def extract(file, names):
    time.sleep(0.05)
    with log.open("a") as lines:
        lines.write(f"{file}\\n")
    return {"x": {"x": np.full((3, 2), int(file.name), np.float32)}}

rows = [(f"take-{n:02d}", f"03-{n:02d}", f"{n // 8:02d}", str(n), Path(str(n))) for n in range(40)]
sources = pd.DataFrame(rows, columns=["performance", "recording", "actor", "sha256", "file"])
spec = FeatureSpec(extractor="x", version=1, settings={})
target = store.Target(folder, spec, {"x": "float32"})
store.update({"x": target}, sources, extract, workers=1)
"""


def start(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, str(folder), str(log)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def content(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


@pytest.mark.slow
def test_kill_in_the_middle_of_features(tmp_path: Path) -> None:
    undisturbed, killed, log = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "log"
    assert start(undisturbed, tmp_path / "other").wait() == 0
    process = start(killed, log)
    while not list(killed.glob("actor=01/part-0.parquet")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {file.parent.name: file.stat().st_mtime_ns for file in killed.glob("*/*.parquet")}
    assert {"actor=00", "actor=01"} <= set(finished) < {f"actor={actor:02d}" for actor in range(5)}
    log.unlink()
    assert start(killed, log).wait() == 0
    again = {int(Path(line).name) // 8 for line in log.read_text().split()}
    assert again == set(range(5)) - {int(name[-2:]) for name in finished}
    for name, time_written in finished.items():
        assert (killed / name / "part-0.parquet").stat().st_mtime_ns == time_written
    assert content(killed) == content(undisturbed)
