"""Published predictions are read as they are, or refused with one line that names the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.probabilities import PROBABILITIES
from helpers.results import predictions, publish
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import AvemoError
from avemo.report import published

TABLE = predictions(actors=range(1, 3))
FEW = hypothesis_settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return publish(tmp_path / "audio", systems=["lstm"])


def refused(folder: Path) -> str:
    with pytest.raises(AvemoError) as error:
        published.read(folder)
    message = str(error.value)
    assert str(folder) not in message
    assert "\n" not in message
    return message


def changed(file: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    rows = pd.read_csv(file, dtype=str)
    change(rows).to_csv(file, index=False)


@FEW
@given(st.permutations(range(len(TABLE))), st.permutations(list(TABLE)))
@pytest.mark.slow
def test_the_order_of_rows_and_columns_does_not_matter(
    tmp_path: Path, rows: list[int], columns: list[str]
) -> None:
    files = tmp_path / "one.csv", tmp_path / "other.csv"
    TABLE.to_csv(files[0], index=False)
    TABLE.loc[list(rows), list(columns)].to_csv(files[1], index=False)
    first_table, second_table = (published.read_predictions(file, file.name) for file in files)
    pd.testing.assert_frame_equal(first_table, second_table)


@FEW
@given(st.integers(0, len(TABLE) - 1), st.sampled_from([*EMOTIONS, "bored", ""]))
def test_a_flipped_label_is_refused(tmp_path: Path, row: int, emotion: str) -> None:
    file = tmp_path / "table.csv"
    table = TABLE.copy()
    right = emotion == table.loc[row, "true"]
    table.loc[row, "true"] = emotion
    table.to_csv(file, index=False)
    if right:
        assert len(published.read_predictions(file, "it")) == len(TABLE)
        return
    what = "is by its name of another emotion" if emotion in EMOTIONS else "is no emotion"
    with pytest.raises(AvemoError, match=what):
        published.read_predictions(file, "it")


@FEW
@given(st.integers(0, len(TABLE) - 1), st.sampled_from(PROBABILITIES), st.floats(0.001, 1))
def test_probabilities_that_do_not_sum_to_one_are_refused(
    tmp_path: Path, row: int, column: str, more: float
) -> None:
    file = tmp_path / "table.csv"
    table = TABLE.copy()
    table.loc[[row], column] += more
    table.to_csv(file, index=False)
    with pytest.raises(AvemoError, match=r"to one|beyond 0 and 1") as error:
        published.read_predictions(file, "it")
    assert str(table.loc[row, "performance"]) in str(error.value)


def test_what_the_names_say(folder: Path) -> None:
    rows = published.read(folder).predictions["baselines/lstm-both-actor.csv"]
    for row in rows.itertuples():
        channel, emotion, *_, actor = str(row.performance).split("-")
        assert row.actor == int(actor)
        assert row.sex == ("male" if int(actor) % 2 else "female")
        assert row.channel == {"01": "speech", "02": "song"}[channel]
        assert row.true == EMOTIONS[int(emotion) - 1]


def first(column: str, value: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[0, column] = value
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda rows: rows.drop(columns="p_sad"), "there is no column p_sad"),
        (lambda rows: rows[:0], "there are no rows"),
        (lambda rows: pd.concat([rows, rows[:1]]), "01-01-01-01-01-01 is there more than once"),
        (first("performance", "01-09-01-01-01-01"), "no RAVDESS name: there is no emotion 09"),
        (first("performance", ""), "'03-' is no RAVDESS name"),
        (first("p_sad", "x"), "could not convert string to float: 'x'"),
        (first("p_sad", ""), "probabilities that are no number"),
        (first("p_sad", "-0.5"), "has probabilities beyond 0 and 1"),
        (first("fold", "1.5"), "`fold` holds what is no whole number"),
        (first("fold", "2"), "of actor 1 there are performances in more than one fold"),
        (lambda rows: rows[1:], "it has 383 performances, and by runs.json there were 384"),
        (lambda rows: rows.assign(fold=rows["fold"].replace("1", "7")), "it has other folds"),
    ],
)
def test_a_damaged_file(
    folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame], what: str
) -> None:
    for name in ("champion/speech.csv", "champion/speech-uncalibrated.csv"):
        changed(folder / name, change)
    message = refused(folder)
    assert message.startswith("results/audio/champion/speech.csv: ")
    assert what in message
    assert "git checkout -- results/audio" in message


def test_no_table_at_all(folder: Path) -> None:
    file = folder / "champion/speech.csv"
    file.write_bytes(b"")
    assert "results/audio/champion/speech.csv: No columns" in refused(folder)
    file.write_bytes(b"\xff\xfe\x00\x01")
    assert refused(folder).startswith("results/audio/champion/speech.csv: ")
    file.unlink()
    assert "it is missing, and runs.json names the run that made it" in refused(folder)


def test_another_s_predictions(folder: Path) -> None:
    skilled = predictions(skill=9.0, seed=1)
    skilled.to_csv(folder / "champion/speech.csv", index=False)
    assert "fold 1: it gives a UAR of 1.0000, and by runs.json it was 0." in refused(folder)


def test_before_and_after_the_temperature_are_of_the_same_performances(folder: Path) -> None:
    changed(folder / "champion/speech-uncalibrated.csv", lambda rows: rows[1:])
    assert "speech-uncalibrated.csv: it has other performances or folds than" in refused(folder)


def test_a_baseline_s_channel(folder: Path) -> None:
    song = (folder / "baselines/lstm-song-actor.csv").read_bytes()
    (folder / "baselines/lstm-speech-actor.csv").write_bytes(song)
    message = refused(folder)
    assert message.startswith("results/audio/baselines/lstm-speech-actor.csv: it has performances")


def test_rounding_may_have_made_ties(tmp_path: Path) -> None:
    """What was likeliest by less than the sixth place can be read either way."""
    folder = publish(tmp_path / "audio", systems=["lstm"], champions={})
    file = folder / "baselines/lstm-speech-random.csv"

    def tied(rows: pd.DataFrame) -> pd.DataFrame:
        rows[PROBABILITIES] = "0.0"
        rows[["p_calm", "p_surprised"]] = "0.5"
        return rows

    changed(file, tied)
    facts = json.loads((folder / "runs.json").read_text())
    for uar, fits in ((0.0, True), (0.25, True), (0.26, False)):
        facts["systems"][0]["runs"][0]["uar"] = uar
        (folder / "runs.json").write_text(json.dumps(facts))
        if fits:
            published.read(folder)
        else:
            assert "it was 0.2600" in refused(folder)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda facts: facts["champions"][0].pop("run"), "champions.0.run: Field required"),
        (lambda facts: facts["champions"][0].update(protocol="random"), "should be 'actor'"),
        (lambda facts: facts.update(more=1), "more: Extra inputs"),
        (lambda facts: facts["systems"][0].update(name="../lstm"), "systems.0.name: String should"),
        (lambda facts: facts["systems"].clear(), "lstm-both-actor.csv: runs.json names no run"),
    ],
)
def test_damaged_facts(folder: Path, change: Callable[[dict[str, Any]], object], what: str) -> None:
    file = folder / "runs.json"
    facts = json.loads(file.read_text())
    change(facts)
    file.write_text(json.dumps(facts))
    assert what in refused(folder)


def test_no_facts(folder: Path, tmp_path: Path) -> None:
    (folder / "runs.json").write_text("{")
    assert refused(folder).startswith("results/audio/runs.json: Invalid JSON")
    (folder / "runs.json").unlink()
    assert "results/audio/runs.json is missing" in refused(folder)
    assert refused(tmp_path / "none").startswith(
        "nothing is published in results/audio: run the stages"
    )
