"""A catalogue that is missing, damaged or another version's is refused with what to do."""

from pathlib import Path

import pandas as pd
import pytest

from avemo.corpus.selection import read_catalogue
from avemo.errors import CorpusError

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
    with pytest.raises(CorpusError, match=f"lacks the columns {name}: dvc repro --force"):
        read_catalogue(file)
