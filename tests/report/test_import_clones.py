"""What was run in other clones is published here, with the runs of their own tracking stores."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from helpers.finished_stages import SPEECH, cross_validated, tracking_store
from helpers.results import predictions, publish

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.report import published
from avemo.report.import_runs import import_runs
from avemo.tracking import store

ROOT = Path(__file__).parents[2]
SONG = predictions([2], seed=4)

Clone = Callable[[str, pd.DataFrame], Project]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """Makes a clone with a finished cross-validation, and its tracking store."""
    monkeypatch.delenv(store.TRACKING_URI, raising=False)

    def make(name: str, table: pd.DataFrame) -> Project:
        project = checkout(tmp_path / name)
        (project.root / "mlruns").mkdir()
        with tracking_store(project.root / "mlruns") as start_run:
            cross_validated(project, start_run, table, table)
        return project

    return make


def checkout(root: Path) -> Project:
    root.mkdir()
    shutil.copyfile(ROOT / "dvc.yaml", root / "dvc.yaml")
    settings = (ROOT / "params.yaml").read_text()
    (root / "params.yaml").write_text(settings.replace("resamples: 2000", "resamples: 100"))
    return Project(root)


@pytest.mark.slow
def test_two_clones_in_one_command(
    clone: Clone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = [clone("speech", SPEECH), clone("song", SONG)]
    here = checkout(tmp_path / "here")
    publish(here.root / published.FOLDER, systems=["lstm"], champions={})
    monkeypatch.setenv("AVEMO_ROOT", str(here.root))
    options = [option for source in sources for option in ("--from", str(source.root))]
    assert main(["report", "--keep", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line, source, channel in zip(lines, sources, ("speech", "song"), strict=False):
        stage = source.root / "study/crossvalidation/audio"
        assert line.startswith(f"{stage}: imported as {channel}, ")
    manifest = published.read(here.root / published.FOLDER).manifest
    assert [best.channel for best in manifest.champions] == ["speech", "song"]
    assert len(manifest.systems[0].runs) == 6
    page = (here.root / "docs/results.md").read_text()
    assert "## Speech and song" in page
    assert all(best.run.run_id in page for best in manifest.champions)
    assert str(tmp_path) not in page
    assert not (here.root / "mlruns").exists()


@pytest.mark.slow
def test_two_clones_of_one_channel(clone: Clone, tmp_path: Path) -> None:
    first, second = clone("first", SONG), clone("second", SONG)
    here = checkout(tmp_path / "here")
    with pytest.raises(AvemoError, match="would both become results/audio/champion/song") as error:
        import_runs(here, [first, second])
    assert all(str(source.root) in str(error.value) for source in (first, second))
    assert not (here.root / "results").exists()


def test_a_clone_without_its_runs(clone: Clone, tmp_path: Path) -> None:
    source = clone("song", SONG)
    (source.root / "mlruns/mlflow.db").unlink()
    with pytest.raises(AvemoError, match=r"mlflow\.db is missing, where the runs of .*: set"):
        import_runs(checkout(tmp_path / "here"), [source])
    assert not (source.root / "mlruns/mlflow.db").exists()


def test_a_clone_where_nothing_is_finished(clone: Clone, tmp_path: Path) -> None:
    idle = checkout(tmp_path / "idle")
    with pytest.raises(AvemoError, match=f"no stage is finished in {idle.root} whose"):
        import_runs(checkout(tmp_path / "here"), [clone("song", SONG), idle])
    assert not (tmp_path / "here/results").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--keep", "--from", "nowhere"], 1, "nowhere is no project: params.yaml and dvc.yaml"),
        (["--from", "nowhere"], 2, "--from says whose stages to publish: add --keep"),
    ],
)
def test_what_the_command_refuses(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AVEMO_ROOT", str(checkout(tmp_path / "here").root))
    assert main(["report", *arguments]) == code
    assert message in capsys.readouterr().err
