"""Names in a CSV table are read as they were written."""

import ast
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from avemo.corpus import split
from avemo.corpus.manifest import read_manifest
from avemo.evaluation.predictions import read_predictions, write_predictions
from avemo.features.openface.action_units import ACTION_UNITS
from avemo.features.openface.sources import _table_entries
from avemo.tables import read_csv

ROOT = Path(__file__).parents[1]
#: what pandas takes for a missing value, a number or a truth value
CONFUSING = [
    *("", "None", "NA", "N/A", "n/a", "nan", "NaN", "-nan", "null", "NULL", "<NA>", "#N/A"),
    *("1", "01", "1.0", "1e5", "-0", "inf", "true", "False", "2020-01-01", "1_000", "0x10"),
]
#: text without line breaks and other control characters, which no name has
NAMES = st.one_of(
    st.sampled_from(CONFUSING[1:]),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1),
)


def named(*columns: str) -> SearchStrategy[pd.DataFrame]:
    """Return tables of names."""
    rows = st.lists(st.tuples(*[NAMES] * len(columns)), min_size=1, max_size=4)
    return rows.map(lambda rows: pd.DataFrame(rows, columns=list(columns), dtype=str))


@given(named("speaker", "emotion"))
def test_any_names_survive(table: pd.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "a.csv")
        table.assign(number=1.5).to_csv(file, index=False)
        pd.testing.assert_frame_equal(
            read_csv(file, text=["speaker", "emotion"]), table.assign(number=1.5)
        )
        assert read_csv(file)["number"].tolist() == ["1.5"] * len(table)


def test_only_a_number_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,number\nnan,1.5\n,\nNA,nan\n")
    table = read_csv(tmp_path / "a.csv", text=["name"])
    assert table["name"].tolist() == ["nan", "", "NA"]
    np.testing.assert_array_equal(table["number"], [1.5, np.nan, np.nan])


@given(st.lists(NAMES, min_size=2, max_size=5, unique=True), named("corpus", "actor"))
def test_predictions_of_any_classes_and_speakers_survive(
    classes: list[str], speakers: pd.DataFrame
) -> None:
    count = len(speakers)
    scores = np.random.default_rng(1).random((count, len(classes)), dtype=np.float32)
    predictions = speakers.assign(
        performance=[f"{number:02}" for number in range(count)],
        sex="unknown",
        fold=1,
        part="test",
        true=[classes[number % len(classes)] for number in range(count)],
    )
    columns = [f"p_{name}" for name in classes]
    scores /= scores.sum(axis=1, keepdims=True)
    predictions = pd.concat([predictions, pd.DataFrame(scores, columns=columns)], axis=1)
    with TemporaryDirectory() as folder:
        write_predictions(Path(folder, "a.csv"), predictions)
        read = read_predictions(Path(folder, "a.csv"))
    assert read.columns.tolist() == predictions.columns.tolist()
    np.testing.assert_array_equal(read[columns].astype("f"), scores)
    names = ["performance", "corpus", "actor", "true"]
    pd.testing.assert_frame_equal(read[names], predictions[names])


@given(named(*split.COLUMNS[:-1]))
def test_a_split_of_any_names_survives(rows: pd.DataFrame) -> None:
    rows = rows.assign(fold=1)
    with TemporaryDirectory() as folder:
        split.write(rows, Path(folder, "split.csv"))
        pd.testing.assert_frame_equal(split.read(Path(folder, "split.csv")), rows)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_manifest_of_confusing_names_survives(tmp_path: Path, suffix: str) -> None:
    names = CONFUSING[1:]
    table = pd.DataFrame({"path": [f"{name}/{at}.wav" for at, name in enumerate(names)]})
    table["path"] = table["path"].str.replace("N/A", "N").str.replace("n/a", "n")
    table = table.assign(speaker=names, emotion=names)
    file = tmp_path / f"manifest.{suffix}"
    if suffix == "csv":
        table.to_csv(file, index=False)
    elif suffix == "parquet":
        table.to_parquet(file)
    else:
        table.to_json(file, orient="records", lines=True)
    rows = read_manifest(file)
    for column in ("speaker", "emotion"):
        assert rows[column].tolist() == names


def test_performances_of_imported_means_keep_their_names(tmp_path: Path) -> None:
    means = pd.DataFrame(0.5, index=range(3), columns=list(ACTION_UNITS))
    means.insert(0, "performance", ["007", "NA", "true"])
    means.to_csv(tmp_path / "means.csv", index=False)
    entries = _table_entries(tmp_path / "means.csv")
    assert [entry.names for entry in entries] == [("007",), ("NA",), ("true",)]


#: files that read CSV with pandas themselves, and why
NUMBERS_ALONE = {
    "avemo/tables.py": "the reader itself",
    "avemo/evaluation/evaluate.py": "a training's history: numbers by epoch",
    "avemo/features/openface/frames.py": "OpenFace's columns, every one turned into numbers",
}


def test_tables_with_names_are_read_by_one_function() -> None:
    files = [
        file for name in ("avemo", "pipelines", "study") for file in (ROOT / name).rglob("*.py")
    ]
    readers = {file.relative_to(ROOT).as_posix() for file in files if calls_pandas(file)}
    assert readers == NUMBERS_ALONE.keys()


def calls_pandas(file: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in ("read_csv", "read_table")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("pd", "pandas")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    )
