"""A catalogue that is missing, damaged or another version's is refused with what to do."""

from pathlib import Path

import pandas as pd
import pytest
from helpers.registered_versions import new_project

from avemo.cli import main
from avemo.corpus.selection import (
    read_catalogue,
    select_identical,
    select_picture_sources,
    select_sound_sources,
)
from avemo.corpus.split import assign
from avemo.errors import CorpusError
from avemo.settings import Split

ROW = {"recording": "a", "performance": "a", "path": "a.wav", "modality": 3, "finding": ""}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table", b"PAR1" + b"\0" * 99 + b"PAR1"])
def test_a_damaged_catalogue(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "catalogue.parquet"
    file.write_bytes(content)
    with pytest.raises(CorpusError, match=r"is damaged .*: dvc repro --force"):
        read_catalogue(file)


def test_a_catalogue_that_is_cut_or_missing(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.parquet"
    with pytest.raises(CorpusError, match="run dvc repro"):
        read_catalogue(file)
    pd.DataFrame([ROW]).to_parquet(file)
    assert len(read_catalogue(file)) == 1
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CorpusError, match="is damaged"):
        read_catalogue(file)


@pytest.mark.parametrize("name", ROW)
def test_a_catalogue_of_another_version(tmp_path: Path, name: str) -> None:
    file = tmp_path / "catalogue.parquet"
    pd.DataFrame([ROW]).drop(columns=name).to_parquet(file)
    with pytest.raises(CorpusError, match=f"lacks the column {name}: dvc repro --force"):
        read_catalogue(file)


def test_who_needs_a_column_says_that_it_is_missing(tmp_path: Path) -> None:
    rows = pd.DataFrame([ROW])
    by_actor = Split(protocol="actor", folds=6, test_fold=1, valid_fold=2)
    for select, name in (
        (select_sound_sources, "has_sound"),
        (select_picture_sources, "has_picture"),
        (select_identical, "sha256"),
        (lambda rows: assign(rows, by_actor, 1), "corpus, actor, sex, emotion, sha256"),
    ):
        with pytest.raises(CorpusError, match=f"the catalogue lacks the columns? {name}: dvc"):
            select(rows)


def test_status_of_a_catalogue_written_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(project.root))
    rows = pd.read_parquet(project.catalogue)
    rows.drop(columns=["actor", "has_picture"]).to_parquet(project.catalogue)
    assert main(["status"]) == 1
    error = capsys.readouterr().err
    assert error.endswith(
        "catalogue.parquet lacks the columns actor, has_picture: dvc repro --force --single-item"
        " catalogue makes it again\n"
    )
    assert error.count("\n") == 1
    rows.to_parquet(project.catalogue)
    assert main(["status"]) == 0
    rows.assign(finding="unreadable").to_parquet(project.catalogue)  # nothing is usable
    assert main(["status", "--next"]) == 0
