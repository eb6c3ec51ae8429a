"""Commands on machines as they are: a reader that hangs up, few files, another locale, a full disk.

Each is a process of its own, because what is tried belongs to a process.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from helpers.odd_names import CLIPS, SECRET, UNUSABLE, write_odd_folder
from helpers.registered_versions import (
    ROOT,
    new_network,
    new_predictions,
    new_project,
    register_version,
)
from helpers.registry_fixture import empty_database

from avemo.config import load_settings
from avemo.media.sound import write_wav
from avemo.paths import Project
from avemo.tracking import runs, store

__all__ = ["empty_database"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Project]:
    """A project with a champion that answers, a run with lineage and a clip."""
    new = new_project(tmp_path_factory.mktemp("machine") / "project")
    new.catalogue.unlink()
    new.tracking.mkdir()
    shutil.copyfile(empty_database, new.tracking / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.TRACKING_URI, store.default_uri(new))
        store.experiment_id(new, "audio")
        with runs.run(new, load_settings(new.root), "train@audio", "audio", "train") as run:
            (new.root / "run").write_text(run.info.run_id)
        register_version(
            new.root / "files", new_predictions(0.8), alias="champion", network=new_network("calm")
        )
        shutil.rmtree(new.root / "files")
        write_wav(new.root / "clip.wav", np.sin(np.arange(16000) / 9) / 2, 16000)
        yield new


def avemo(
    project: Project,
    *arguments: str,
    stdout: int | None = subprocess.PIPE,
    prepare: Callable[[], None] | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AVEMO_ROOT": str(project.root)}
    environment |= {"AVEMO_CACHE": str(project.root / "cache")} | dict(variables)
    environment.pop(store.TRACKING_URI, None)
    return subprocess.run(
        [sys.executable, "-m", "avemo.cli", *arguments],
        cwd=project.root,
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        preexec_fn=prepare,
        check=False,
    )


COMMANDS = {
    "lineage": ["lineage", "runs:/{run}"],
    "lineage as JSON": ["lineage", "--json", "runs:/{run}"],
    "predict": ["predict", "clip.wav"],
    "predict as JSON": ["predict", "--json", "clip.wav"],
    "verify": ["registry", "verify", "audio"],
    "history": ["registry", "history", "audio"],
    "status": ["status"],
    "assets": ["assets", "list"],
    "help": ["--help"],
    "help of a command": ["registry", "promote", "--help"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_that_hangs_up_is_no_fault(project: Project, command: list[str]) -> None:
    run_id = (project.root / "run").read_text()
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = avemo(project, *(word.format(run=run_id) for word in command), stdout=writer)
    finally:
        os.close(writer)
    lines = [line for line in process.stderr.splitlines() if not line.endswith("…")]
    assert lines == []


def test_a_standard_output_that_is_closed(project: Project) -> None:
    process = avemo(project, "status", prepare=lambda: os.close(1))
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii:strict"},
    ],
)
def test_any_locale_and_any_name(project: Project, variables: dict[str, str]) -> None:
    names = ["clip ü.wav", "🎭.wav", os.fsdecode(b"\xff\xfe.wav"), "a\nb.wav"]
    for name in names:
        shutil.copyfile(project.root / "clip.wav", project.root / name)
    process = avemo(project, "predict", *names, "none 🎭.wav", variables=variables)
    assert "Traceback" not in process.stderr
    assert process.stdout.count("calm 0.") == len(names)
    assert process.stderr.splitlines()[-1] == "avemo: 4 answered, 1 could not be"
    assert process.returncode == 1


@pytest.mark.parametrize("count", [64, 24])
def test_few_open_files(project: Project, count: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

    process = avemo(project, "predict", "clip.wav", prepare=limit)
    assert "Traceback" not in process.stderr
    if count == 64:
        assert "calm 0." in process.stdout, process.stderr
    else:
        assert "calm 0." in process.stdout or "Too many open files" in process.stderr


def test_no_home(project: Project) -> None:
    file = project.root / "clip.wav"  # no folder can be made below a file
    process = avemo(
        project, "predict", "clip.wav", variables={"HOME": str(file), "AVEMO_CACHE": ""}
    )
    assert "calm 0." in process.stdout, process.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "clip.wav", "--csv", "table.csv"],
        ["predict", "clip.wav", "--parquet", "table.parquet"],
        ["predict", "clip.wav", "--timeline", "timelines"],
    ],
)
def test_a_full_disk_leaves_nothing_half(project: Project, arguments: list[str]) -> None:
    """A limit on a file's size fails as a full disk does."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))

    avemo(project, "predict", "clip.wav")  # so that the cache has the version
    process = avemo(project, *arguments, prepare=limit, variables={"PYTHONDONTWRITEBYTECODE": "1"})
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert "the disk is full" in process.stderr
    assert not list(project.root.rglob("table.[cp]*[tv]"))


def test_names_that_the_system_refuses_cost_a_line_each(project: Project) -> None:
    folder = project.root / "folder"
    folder.mkdir()
    shutil.copyfile(project.root / "clip.wav", folder / "clip.wav")
    (folder / "dangling.wav").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.wav")
    (folder / ("x" * 245 + ".wav")).symlink_to(folder / "clip.wav")
    names = ["missing.wav", "a" * 300 + ".wav", "clip.wav/below.wav", "folder"]
    process = avemo(project, "predict", *names)
    lines = process.stderr.splitlines()
    for name in (*names[:3], "folder/dangling.wav", "folder/pipe.wav"):
        (line,) = [line for line in lines if line.startswith(f"{name}: ")]
        assert line.startswith(f"{name}: unreadable: ")
    assert lines[-1] == "avemo: 2 answered, 5 could not be"
    table = avemo(
        project, "predict", "folder", "--timeline", "t" * 200, "--csv", "t" * 240 + ".csv"
    )
    assert "Traceback" not in table.stderr
    assert (project.root / ("t" * 240 + ".csv")).read_text().count("\n") == 5


def escape(name: str) -> str:
    """Return a name as a terminal and a table show it."""
    return name.encode(errors="backslashreplace").decode()


def strictly(line: str) -> dict[str, object]:
    """Parse a line as JSON's standard has it: without NaN, in letters that can be encoded."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    fields: dict[str, object] = json.loads(line, parse_constant=refuse)
    str(fields).encode()
    return fields


def test_what_is_no_clip_costs_a_line_whatever_its_name(project: Project) -> None:
    write_odd_folder(project.root / "odd")
    process = avemo(project, "predict", "odd")
    assert "Traceback" not in process.stderr
    assert process.stdout.count(": calm 0.") == len(CLIPS)
    for name in UNUSABLE:
        assert process.stderr.count(f"odd/{escape(name)}: unreadable: ") == 1, name
    assert process.stderr.endswith(f"avemo: {len(CLIPS)} answered, {len(UNUSABLE)} could not be\n")
    assert SECRET not in process.stderr
    process = avemo(project, "predict", "--json", "odd", "--csv", "odd.csv", "--parquet", "odd.pq")
    assert "Traceback" not in process.stderr
    rows = [strictly(line) for line in process.stdout.splitlines()]
    assert sum(row["finding"] == "unreadable" for row in rows) == len(UNUSABLE)
    assert len(rows) == len(CLIPS) + len(UNUSABLE)
    assert [row["file"] for row in rows] == [*pd.read_csv(project.root / "odd.csv")["file"]]
    assert [row["file"] for row in rows] == [*pd.read_parquet(project.root / "odd.pq").index]


def test_a_manifest_has_the_recordings_and_names_the_rest(project: Project) -> None:
    write_odd_folder(project.root / "corpus")
    process = avemo(project, "corpus", "manifest", "corpus")
    assert "Traceback" not in process.stderr
    assert process.returncode == 0, process.stderr
    passed_over = [line for line in process.stdout.splitlines() if " files passed over, " in line]
    assert any("cannot be read: dangling.wav, device.wav" in line for line in passed_over)
    assert any("2 files passed over, because their names are not UTF-8" in x for x in passed_over)
    assert [*pd.read_csv(project.root / "corpus" / "manifest.csv")["path"]] == [CLIPS[0]]


def test_a_watched_folder_has_a_line_for_what_is_no_clip(project: Project) -> None:
    write_odd_folder(project.root / "incoming")
    process = avemo(project, "watch", "incoming", "--once", "--settle", "0")
    assert "Traceback" not in process.stderr
    assert process.returncode == 0, process.stderr
    assert process.stdout.count(": calm 0.") == len(CLIPS)
    for name in {*UNUSABLE} - {"empty.wav", "memory.wav"}:  # which may still be written to
        assert process.stderr.count(f"{escape(name)}: unreadable: ") == 1, name
    assert "4 new files" in process.stderr
    assert SECRET not in process.stderr
