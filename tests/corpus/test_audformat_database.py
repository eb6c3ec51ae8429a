"""A database of audformat of several tables is read to one row a recording, or refused."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml

from avemo.corpus.manifest import locate_manifest, read_manifest
from avemo.errors import CorpusError

if TYPE_CHECKING:
    import audformat as audformat_package

audformat = pytest.importorskip("audformat")


def fill(table: Any, **columns: list[str | None]) -> None:
    """Add columns, each with the scheme of its name if the database has one."""
    for name, values in columns.items():
        scheme = name if name in table.db.schemes else None
        table[name] = audformat.Column(scheme_id=scheme)
        table[name].set(values)


@pytest.fixture
def database() -> "audformat_package.Database":
    """Emotions of parts of files, speakers of the files, and a table of the speakers."""
    database = audformat.Database("Emo-DB", license="CC0-1.0", languages=["de"])
    database.splits["test"] = audformat.Split("test")
    speakers = pd.Index(["03", "NA"], name="speaker", dtype="string")
    database["speaker"] = audformat.MiscTable(speakers)
    database.schemes["gender"] = audformat.Scheme(labels={"f": "female", "m": "male"})
    fill(database["speaker"], gender=["m", "f"], age=["31", "32"])
    database.schemes["speaker"] = audformat.Scheme("str", labels="speaker")
    database.schemes["emotion"] = audformat.Scheme(
        labels={"W": {"emotion": "angry"}, "T": "sad", "None": {}}
    )
    spans = ["a.wav", "a.wav", "b.wav"], ["0s", "1.5s", "0s"], ["1.25s", pd.NaT, pd.NaT]
    database["segments"] = audformat.Table(audformat.segmented_index(*spans))
    fill(database["segments"], emotion=["W", "T", "None"], confidence=["1", "2", "3"])
    index = audformat.filewise_index(["a.wav", "b.wav", "c.wav"])
    database["files"] = audformat.Table(index)
    fill(database["files"], speaker=["03", "NA", "NA"], text=["x", "y", "z"])
    tested = audformat.segmented_index(["b.wav"], ["0s"], [pd.NaT])
    database["tested"] = audformat.Table(tested, split_id="test")
    fill(database["tested"], emotion=["None"])
    return database


def save(database: "audformat_package.Database", folder: Path, format: str = "csv") -> Path:
    database.save(folder, storage_format=format)
    return locate_manifest(folder)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_are_joined_and_labels_mapped(
    tmp_path: Path, database: "audformat_package.Database", format: str
) -> None:
    rows = read_manifest(save(database, tmp_path, format))
    expected = {
        "path": ["a.wav", "a.wav", "b.wav"],
        "emotion": ["angry", "sad", "None"],
        "speaker": ["03", "03", "NA"],
        "sex": ["male", "male", "female"],
        "language": ["deu", "deu", "deu"],
        "corpus": ["emo_db", "emo_db", "emo_db"],
        "split": ["", "", "test"],
    }
    assert {name: rows[name].tolist() for name in expected} == expected
    np.testing.assert_array_equal(rows["start"], [np.nan, 1.5, np.nan])
    np.testing.assert_array_equal(rows["end"], [1.25, np.nan, np.nan])


def test_speakers_described_in_the_header(
    tmp_path: Path, database: "audformat_package.Database"
) -> None:
    database.schemes["speaker"] = audformat.Scheme(
        labels={"03": {"gender": "male", "language": "eng"}, "NA": {"gender": "female"}}
    )
    database.languages = []
    file = save(database, tmp_path)
    header = yaml.safe_load(file.read_text())
    del header["misc_tables"]
    file.write_text(yaml.safe_dump(header))
    rows = read_manifest(file)
    assert rows["sex"].tolist() == ["male", "male", "female"]
    assert rows["language"].tolist() == ["eng", "eng", ""]


def test_a_table_of_speakers_that_no_scheme_names(
    tmp_path: Path, database: "audformat_package.Database"
) -> None:
    file = save(database, tmp_path)
    header = yaml.safe_load(file.read_text())
    header["schemes"]["speaker"] = {"dtype": "str"}
    file.write_text(yaml.safe_dump(header))
    assert read_manifest(file)["sex"].tolist() == ["male", "male", "female"]


def test_a_column_is_known_by_its_scheme(
    tmp_path: Path, database: "audformat_package.Database"
) -> None:
    database.drop_tables("tested")
    file = save(database, tmp_path)
    table = tmp_path / "db.segments.csv"
    table.write_text(table.read_text().replace("emotion", "label"))
    header = file.read_text().replace("emotion: {scheme_id", "label: {scheme_id")
    file.write_text(header)
    assert read_manifest(file)["emotion"].tolist() == ["angry", "sad", "None"]


CONTRADICTIONS: dict[str, dict[str, list[str | None]]] = {
    "tables `files` and `more` contradict each other in the speaker of a.wav, such as 03 and NA": {
        "speaker": ["NA", None]
    },
    "the tables `speaker` and `more` contradict each other in the sex of b.wav": {
        "gender": [None, "m"]
    },
    "table more has the emotion of whole files and table segments that of their parts: a.wav": {
        "emotion": ["W", None]
    },
    "`more` and `segments` and `tested` contradict each other in the emotion of b.wav": {
        "emotion": [None, "W"]
    },
}


@pytest.mark.parametrize("message", CONTRADICTIONS)
def test_tables_that_contradict_each_other_are_named(
    tmp_path: Path, database: "audformat_package.Database", message: str
) -> None:
    database["more"] = audformat.Table(audformat.filewise_index(["a.wav", "b.wav"]))
    fill(database["more"], **CONTRADICTIONS[message])
    with pytest.raises(CorpusError, match=message):
        read_manifest(save(database, tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"db.yaml": "a: [1"}, r"db\.yaml: no header of audformat \("),
        ({"db.yaml": "- 1"}, r"no header of audformat \(.*dictionary"),
        ({"db.yaml": "tables: {a: 1}"}, r"no header of audformat \(tables\.a: "),
        ({"db.yaml": "tables: {a: }"}, "none of its tables a has a column `emotion`"),
        ({"db.speaker.csv": "a\n1\n"}, "its table `speaker` has no column speaker, gender"),
        ({"db.files.csv": None}, r"its table `files` is missing: db\.files\.csv or db\.files\.par"),
        ({"db.segments.csv": "a\n1\n"}, "no column `file`, but a"),
        ({"db.segments.csv": "file,start,end,emotion\na.wav,soon,,W\n"}, "start: .*soon"),
    ],
)
def test_what_is_no_database_is_refused(
    tmp_path: Path,
    database: "audformat_package.Database",
    change: dict[str, str | None],
    message: str,
) -> None:
    file = save(database, tmp_path)
    for name, content in change.items():
        (tmp_path / name).unlink() if content is None else (tmp_path / name).write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_manifest(file)


def test_a_database_without_emotions(
    tmp_path: Path, database: "audformat_package.Database"
) -> None:
    for table in ("segments", "tested"):
        database.drop_tables(table)
    with pytest.raises(CorpusError, match="none of its tables files has a column `emotion`"):
        read_manifest(save(database, tmp_path))
