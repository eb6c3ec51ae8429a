"""Many clips on the command line: what is written, what is kept, and what a kill costs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
from helpers.many_clips import register_champion, write_clips
from helpers.registered_versions import new_network, new_project, register_version
from helpers.sounds import voice
from pympi import TextGrid

from avemo.cli import main
from avemo.media.sound import write_wav

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = register_champion(tmp_path)
    monkeypatch.setenv("AVEMO_ROOT", str(root))
    monkeypatch.chdir(tmp_path)
    return root


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], list[str]]:
    capsys.readouterr()
    code = main(["predict", *arguments])
    out, err = capsys.readouterr()
    return code, out.splitlines(), [line for line in err.splitlines() if "\r" not in line]


def journal_keys(file: Path) -> list[str]:
    _, *lines = file.read_text().splitlines()
    return [json.loads(line)["key"] for line in lines]


@pytest.mark.slow
def test_a_folder_becomes_a_table_with_a_row_a_clip(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_clips(tmp_path / "clips" / "day 1", 7)
    (tmp_path / "clips" / "notes.txt").write_text("no media")
    (tmp_path / "clips" / "broken.mp4").write_bytes(b"no film")
    code, out, err = run("clips", "--csv", "a.csv", "--parquet", "a.parquet", capsys=capsys)
    assert (code, out) == (1, [])
    assert any("broken.mp4: unreadable: " in line for line in err)
    assert "avemo: a.csv is written: 8 clips" in err
    assert err[-1] == "avemo: 7 answered, 1 could not be"

    table = pd.read_csv("a.csv")
    names = [*(f"clips/day 1/{file.name}" for file in files), "clips/broken.mp4"]
    assert sorted(table["file"]) == sorted(names)
    usable = table[table["finding"].isna()]
    assert set(usable["emotion"]) == {"happy"}
    assert set(usable["model"]) == {"avemo-audio"}
    assert set(usable["version"]) == {1}
    assert usable["seal"].str.len().min() == 64
    assert "diagnosis" in table["notice"][0]
    broken = table[table["finding"].notna()]
    assert broken["finding"].tolist() == ["unreadable"]
    assert broken["reason"].str.len().min() > 10

    frame = pd.read_parquet("a.parquet")
    assert audformat.is_filewise_index(frame.index)
    assert frame["p_happy"].tolist() == pytest.approx(table["p_happy"].tolist(), nan_ok=True, abs=0)
    assert frame["sha256"].tolist() == table["sha256"].tolist()


@pytest.mark.slow
def test_lists_patterns_and_json_lines(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_clips(tmp_path / "clips", 6)
    Path("list.txt").write_text("\n".join(map(str, files[:2])))
    Path("null.txt").write_bytes(b"\0".join(os.fsencode(file) for file in files[2:4]) + b"\0")
    arguments = ["@list.txt", "clips/take 00[45].wav", str(files[0]), "--from-list", "null.txt"]
    code, out, _ = run(*arguments, "--json", capsys=capsys)
    assert code == 0
    named = [Path(json.loads(line)["file"]).name for line in out]
    assert named == [files[number].name for number in (0, 1, 4, 5, 2, 3)]
    assert {json.loads(line)["emotion"] for line in out} == {"happy"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty"], "avemo: empty holds no media: files whose names end in"),
        (["clips/*.mov"], "avemo: nothing matches clips/*.mov"),
        (["@none.txt"], "avemo: the list none.txt cannot be read (No such file or directory)"),
        (["--from-list", "blank.txt"], "avemo: the list blank.txt is empty"),
        (["a.wav", "--timeline", "out", "--format", "srt"], "avemo: 'srt' is no format"),
        (
            ["a.wav", "--csv", "notes.csv"],
            "avemo: notes.csv.journal is no journal of this release of avemo",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(
    registry: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("empty", "notes.txt").touch()
    Path("blank.txt").write_text("\n\n")
    Path("notes.csv.journal").write_text("my own notes\n")
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (1, [])
    assert err[-1].startswith(message)
    assert Path("notes.csv.journal").read_text() == "my own notes\n"


@pytest.mark.parametrize(
    "arguments", [[], ["a.wav", "--format", "csv"], ["a.wav", "--engine", "spark"]]
)
def test_a_command_that_makes_no_sense(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert err[0].startswith("Usage: avemo predict")


@pytest.mark.slow
def test_what_was_computed_is_computed_again_only_for_another_content_or_version(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_clips(tmp_path / "clips", 6)
    shutil.copyfile(files[0], tmp_path / "clips" / "the same.wav")
    run("clips", "--csv", "a.csv", capsys=capsys)
    journal = Path("a.csv.journal")
    assert len(journal_keys(journal)) == 6, "the same content is computed once"
    before = Path("a.csv").read_bytes()

    _, _, err = run("clips", "--csv", "a.csv", capsys=capsys)
    assert Path("a.csv").read_bytes() == before
    assert f"avemo: 6 of 7 predictions are there already: {journal}" in err
    assert len(journal_keys(journal)) == 6

    write_clips(tmp_path / "other", 1)[0].replace(files[3])  # has the content of files[0]
    write_clips(tmp_path / "other", 9)[5].replace(files[4])
    run("clips", "--csv", "a.csv", capsys=capsys)
    assert len(journal_keys(journal)) == 7

    register_version(tmp_path / "next", None, alias="champion", network=new_network("sad"))
    run("clips", "--csv", "a.csv", capsys=capsys)
    assert set(pd.read_csv("a.csv")["emotion"]) == {"sad"}
    assert set(pd.read_csv("a.csv")["version"]) == {2}
    keys = journal_keys(journal)
    assert len(keys) == len(set(keys)) == 7 + 5


def start(*arguments: str, project: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "avemo.cli", "predict", *arguments],
        env=os.environ | {"AVEMO_ROOT": str(project), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_goes_on_and_ends_as_an_undisturbed_one(
    project: Path, tmp_path: Path, workers: int
) -> None:
    count = 150
    write_clips(tmp_path / "clips", count)
    options = ["clips", "--workers", str(workers)]
    assert start(*options, "--csv", "undisturbed.csv", project=project).wait() == 0

    process = start(*options, "--csv", "killed.csv", project=project)
    journal = Path("killed.csv.journal")
    while not journal.exists() or journal.read_bytes().count(b"\n") < 10:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not Path("killed.csv").exists()
    with journal.open("ab") as file:  # as a kill in the middle of a line leaves it
        file.write(b'{"key": "abc", "res')
    before = journal.read_text().splitlines()[1:-1]
    assert 9 <= len(before) < count

    process = start(*options, "--csv", "killed.csv", project=project)
    _, err = process.communicate()
    assert process.returncode == 0
    assert f"{len(before)} of {count} predictions are there already" in err
    assert journal.read_text().splitlines()[1 : len(before) + 1] == before
    keys = journal_keys(journal)
    assert len(keys) == len(set(keys)) == count
    assert Path("killed.csv").read_bytes() == Path("undisturbed.csv").read_bytes()


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_processes(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "clips", 8)
    for workers in ("1", "2"):
        code, _, _ = run("clips", "--csv", f"{workers}.csv", "--workers", workers, capsys=capsys)
        assert code == 0
    assert Path("1.csv").read_bytes() == Path("2.csv").read_bytes()


@pytest.mark.slow
def test_two_processes_do_not_write_the_same_results(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from avemo.serving.batch.journal import Journal

    write_clips(tmp_path / "clips", 1)
    with Journal(Path("a.csv.journal")):
        code, _, err = run("clips", "--csv", "a.csv", capsys=capsys)
    assert code == 1
    assert err[-1].startswith("avemo: another process is just writing to a.csv.journal")


@pytest.mark.slow
def test_a_few_files_load_neither_pandas_nor_mlflow(project: Path, tmp_path: Path) -> None:
    files = write_clips(tmp_path / "clips", 3)
    code = (
        "import sys; from avemo.cli import main; code = main(sys.argv[1:])\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'pandas', 'mlflow', 'tqdm', 'pyarrow', 'tensorflow'}, loaded\n"
        "sys.exit(code)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, "predict", *map(str, files)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 3


@pytest.mark.slow
def test_timelines_in_several_formats(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "clips", 2)
    write_wav(tmp_path / "clips" / "long.wav", voice(16000, 4.0).astype(np.float32), 16000)
    (tmp_path / "clips" / "broken.wav").write_bytes(b"no sound")
    options = ["--window", "1.5", "--hop", "0.5", "--format", "csv", "--format", "textgrid"]
    arguments = ["clips", "--timeline", "out", *options]
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (1, [])
    assert any(line.startswith("clips/broken.wav: unreadable: ") for line in err)
    assert "avemo: out has the timelines of 3 clips" in err
    table = pd.read_csv("out/long.wav.csv")
    assert len(table) >= 6
    assert (table["start"][0], table["end"].iloc[-1]) == (0, 4)
    assert (table["end"][:-1].to_numpy() == table["start"][1:].to_numpy()).all()
    assert set(table["model"]) == {"avemo-audio version 1"}
    grid = TextGrid("out/long.wav.TextGrid")
    assert grid.get_tier("sound").xmax == 4
    assert not Path("out/broken.wav.csv").exists()

    before = {file: file.stat().st_mtime_ns for file in Path("out").glob("[!.]*")}
    _, _, err = run(*arguments, capsys=capsys)
    assert any(line.startswith("avemo: 4 of 4 timelines are there already") for line in err)
    assert {file: file.stat().st_mtime_ns for file in Path("out").glob("[!.]*")} == before


@pytest.mark.slow
def test_windows_that_leave_time_out_are_refused(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "clips", 1)
    arguments = ["clips", "--timeline", "out", "--window", "1", "--hop", "2"]
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 1
    assert "hop above 0 and at most the length" in err[-1]
