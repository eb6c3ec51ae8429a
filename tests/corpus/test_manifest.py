"""A manifest is read, or refused with a line for each kind of fault."""

import json
import logging
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avemo.corpus.manifest import locate_manifest, read_manifest
from avemo.errors import CorpusError

ROWS: list[dict[str, object]] = [
    {"path": "a/1.wav", "speaker": "03", "emotion": "happy", "sex": "F", "corpus": "CREMA-D"},
    {"path": "./a//2.mp4", "speaker": "NA", "emotion": "Sad", "sex": "", "corpus": ""},
]


def written(folder: Path, suffix: str, rows: list[dict[str, object]]) -> Path:
    file = folder / f"manifest{suffix}"
    table = pd.DataFrame(rows)
    if suffix == ".csv":
        table.to_csv(file, index=False)
    elif suffix == ".parquet":
        table.to_parquet(file)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_every_format_is_read_to_the_same_rows(tmp_path: Path, suffix: str) -> None:
    rows = read_manifest(written(tmp_path, suffix, ROWS))
    expected = {
        "path": ["a/1.wav", "a/2.mp4"],
        "speaker": ["03", "NA"],
        "emotion": ["happy", "Sad"],
        "sex": ["female", "unknown"],
        "corpus": ["crema_d", "own"],
        "performance": ["a/1", "a/2"],
        "split": ["", ""],
    }
    assert {name: rows[name].tolist() for name in expected} == expected
    assert rows[["start", "end"]].isna().all(axis=None)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_parts_of_a_file_and_speakers_that_are_numbers(tmp_path: Path, suffix: str) -> None:
    one = {"path": "a.wav", "emotion": "sad"}
    table: list[dict[str, object]] = [
        {**one, "speaker": 3, "start": 0, "end": 1.5},
        {**one, "speaker": 4, "start": 1.5, "end": None, "split": "dev"},
    ]
    rows = read_manifest(written(tmp_path, suffix, table))
    assert rows["speaker"].tolist() == ["3", "4"]
    assert rows["split"].tolist() == ["", "valid"]
    np.testing.assert_array_equal(rows["start"], [np.nan, 1.5])
    np.testing.assert_array_equal(rows["end"], [1.5, np.nan])
    assert rows["performance"].tolist() == ["a_0-1.5", "a_1.5-end"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_table_of_audformat(tmp_path: Path, format: str) -> None:
    audformat = pytest.importorskip("audformat")
    database = audformat.Database("speech")
    index = audformat.segmented_index(["a.wav", "a.wav"], ["0s", "1.5s"], ["1.25s", pd.NaT])
    table = database["clips"] = audformat.Table(index)
    for name, values in (
        ("speaker", ["03", "04"]),
        ("emotion", ["sad", "happy"]),
        ("gender", ["female", "other"]),
    ):
        table[name] = audformat.Column()
        table[name].set(values)
    database.save(tmp_path, storage_format=format)
    rows = read_manifest(tmp_path / f"db.clips.{format}")
    assert rows["path"].tolist() == ["a.wav", "a.wav"]
    assert rows["speaker"].tolist() == ["03", "04"]
    assert rows["sex"].tolist() == ["female", "unknown"]
    np.testing.assert_array_equal(rows["start"], [np.nan, 1.5])
    np.testing.assert_array_equal(rows["end"], [1.25, np.nan])


def test_absolute_paths_are_named_from_their_common_folder(tmp_path: Path) -> None:
    paths = ["/data/emo/a/1.wav", "/data/emo/b/1.wav"]
    table = pd.DataFrame({"path": paths, "speaker": "1", "emotion": "sad"})
    table.to_csv(tmp_path / "m.csv", index=False)
    rows = read_manifest(tmp_path / "m.csv")
    assert rows["path"].tolist() == paths
    assert rows["performance"].tolist() == ["a/1", "b/1"]


FAULTS = {
    "2 files that have two speakers: a.wav": "a.wav,1,sad,,\na.wav,2,sad,,",
    "2 that are there more than once: a.wav": "a.wav,1,sad,,\na.wav,1,sad,,",
    "2 that are there more than once: a.wav [1, 2]": "a.wav,1,sad,1,2\na.wav,1,sad,1,2",
    "2 files that have two speakers: b.wav": "b.wav,1,sad,,\nb.wav,2,sad,1,2",
    "1 absolute paths, where the others are not": "a.wav,1,sad,,\nb.wav,1,sad,,\n/c.wav,1,sad,,",
    "1 paths that lead out of the manifest's folder": "../a.wav,1,sad,,",
    "1 without a speaker: a.wav": "a.wav,,sad,,",
    "1 without an emotion: a.wav": "a.wav,1,,,",
    "1 without a path: row 1": ",1,sad,,",
    "1 with a start or end that is no number of seconds: a.wav": "a.wav,1,sad,soon,",
    "1 that start before 0, or end where they start or earlier: a.wav [3, 2]": "a.wav,1,sad,3,2",
    "2 performances of two speakers: a": "a.wav,1,sad,,\na.mp4,2,sad,,",
    "2 performances of two emotions: a": "a.wav,1,sad,,\na.mp4,1,happy,,",
    "it has no rows": "",
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_is_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str) -> None:
    (tmp_path / "m.csv").write_text(f"path,speaker,emotion,start,end\n{FAULTS[line]}\n")
    with pytest.raises(CorpusError), caplog.at_level(logging.WARNING):
        read_manifest(tmp_path / "m.csv")
    assert [record.message.startswith(f"m.csv: {line}") for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("column", "values", "line"),
    [
        ("sex", ["male", "x"], "1 sexes other than male, female and unknown: x"),
        ("sex", ["male", "female"], "2 speakers of two sexes: own-1"),
        ("split", ["train", "later"], "1 splits other than train, valid, test or"),
        ("split", ["train", "2"], "some splits are parts and some folds' numbers"),
        ("split", ["0", "2"], "1 splits other than train, valid, test or a fold's number: 0"),
    ],
)
def test_faults_of_other_columns(tmp_path: Path, column: str, values: list[str], line: str) -> None:
    table = pd.DataFrame({"path": ["a.wav", "b.wav"], "speaker": "1", "emotion": "sad"})
    table.assign(**{column: values}).to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(CorpusError, match=line):
        read_manifest(tmp_path / "m.csv")


def test_several_kinds_have_a_line_each_with_the_first_ten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    twice = "".join(f"{name:02}.wav,1,sad\n" * 2 for name in range(12))
    (tmp_path / "m.csv").write_text(f"path,speaker,emotion\n{twice}/x.wav,1,sad\n")
    with pytest.raises(CorpusError, match="2 kinds of faults"), caplog.at_level(logging.WARNING):
        read_manifest(tmp_path / "m.csv")
    absolute, repeated = (record.message for record in caplog.records)
    assert absolute == (
        "m.csv: 1 absolute paths, where the others are not: one way is expected in all rows: /x.wav"
    )
    ten = ", ".join(f"{name:02}.wav" for name in range(10))
    assert repeated == f"m.csv: 24 that are there more than once: {ten} and 2 more"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "path,speaker\na.wav,1\n", "there is no column emotion"),
        ("m.csv", "", "no CSV table"),
        ("m.parquet", "words", "no PARQUET table"),
        ("m.jsonl", "{", "no JSONL table"),
        ("m.xlsx", "", "a manifest is .csv, .parquet, .jsonl by its suffix"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_manifest(tmp_path / name)


def test_a_folder_stands_for_the_manifest_in_it(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no manifest"):
        locate_manifest(tmp_path)
    (tmp_path / "manifest.csv").touch()
    assert locate_manifest(tmp_path) == locate_manifest(tmp_path / "manifest.csv")
    (tmp_path / "manifest.jsonl").touch()
    with pytest.raises(CorpusError, match=r"both manifest\.csv and manifest\.jsonl"):
        locate_manifest(tmp_path)


@pytest.mark.slow
def test_a_million_rows_are_quick(tmp_path: Path) -> None:
    number = pd.Series(range(1_000_000)).astype(str)
    speaker = pd.Series(np.arange(1_000_000) % 5000).astype(str)
    table = pd.DataFrame({"path": "clips/" + number + ".wav", "speaker": speaker, "emotion": "sad"})
    table.loc[999_999, "path"] = "clips/7.wav"
    table.to_parquet(tmp_path / "m.parquet")
    start = time.process_time()
    with pytest.raises(CorpusError, match=r"2 files that have two speakers: clips/7\.wav"):
        read_manifest(tmp_path / "m.parquet")
    assert time.process_time() - start < 60
