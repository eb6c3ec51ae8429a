"""`avemo corpus use`: what it says before anything moves, and what it changes."""

import shutil
from pathlib import Path

import pytest
from helpers.zenodo_server import RECORD, SONG, SPEECH, VIDEO, Server, refuse

from avemo import paths
from avemo.cli import main
from avemo.corpus.archives import zenodo

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a project of its own, as published; of actor 2 alone."""
    shutil.copyfile(CHECKOUT / "dvc.yaml", tmp_path / "dvc.yaml")
    text = (CHECKOUT / "params.yaml").read_text(encoding="utf-8")
    file = tmp_path / "params.yaml"
    file.write_text(text.replace("actors: all ", "actors: [2] "), encoding="utf-8")
    monkeypatch.setenv(paths.ROOT, str(tmp_path))
    return file


def test_what_will_happen_is_said_and_nothing_is_fetched(
    params: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    text = params.read_text()
    assert main(["corpus", "use", "zenodo"]) == 0
    out = capsys.readouterr().out
    for words in (
        f"doi 10.5281/zenodo.{RECORD}, licence {zenodo.LICENCE}",
        f"{SPEECH}.zip  0.1 MB  not here",
        f"{SONG}.zip",
        "0.2 MB to be fetched",
        " free in ",
        "audio features",
        "all of it",
        "params.yaml: corpus.source is now zenodo",
        "to go back: avemo corpus use sample",
    ):
        assert words in out
    assert out.index("all of it") < out.index("params.yaml")
    assert {name for name, _ in server.requests} == {str(RECORD)}
    assert params.read_text() == text.replace("source: sample", "source: zenodo", 1)


def test_a_second_time_nothing_changes_and_back_it_is_as_it_was(
    params: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    text = params.read_text()
    assert main(["corpus", "use", "zenodo"]) == 0
    changed, inode = params.read_text(), params.stat().st_ino
    assert main(["corpus", "use", "zenodo"]) == 0
    assert "corpus.source is zenodo, as before" in capsys.readouterr().out
    assert (params.read_text(), params.stat().st_ino) == (changed, inode)
    assert main(["corpus", "use", "sample"]) == 0
    assert params.read_text() == text


def test_films_are_added(params: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    text = params.read_text().replace("channels: [speech, song]", "channels: [speech]")
    params.write_text(text)
    assert main(["corpus", "use", "zenodo", "--video"]) == 0
    out = capsys.readouterr().out
    assert f"{VIDEO}.zip" in out
    assert "search and train: visual" in out
    assert "params.yaml: corpus.zenodo.modalities is now [audio, video]" in out
    expected = text.replace("source: sample", "source: zenodo", 1)
    assert params.read_text() == expected.replace("[audio] ", "[audio, video] ", 1)


def refused(params: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the line that refuses a command, which changed nothing."""
    before = params.read_bytes()
    assert main(["corpus", "use", *arguments]) != 0
    assert params.read_bytes() == before
    return capsys.readouterr().err.splitlines()[-1]


def test_what_cannot_be_fetched_changes_nothing(
    params: Path,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.faults[str(RECORD)] = [refuse(404)]
    assert refused(params, capsys, "zenodo").startswith("avemo: the list of record")
    usage = type("Usage", (), {"free": 100_000})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "0.1 MB are free" in refused(params, capsys, "zenodo")


def test_a_source_that_is_none(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(params, capsys, "youtube")
    assert line.startswith("avemo: params.yaml: corpus.source: ")
    assert "'youtube'" in line
    assert "--video" in refused(params, capsys, "sample", "--video")
