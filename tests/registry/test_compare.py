"""Runs and versions side by side, on what all of them answered for."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers.probabilities import PROBABILITIES
from helpers.registered_versions import (
    NAME,
    new_predictions,
    new_project,
    register_version,
    start_run,
)

from avemo.cli import main
from avemo.evaluation import metrics, paired
from avemo.evaluation.bootstrap import Bootstrap
from avemo.paths import Project
from avemo.records import Interval

BOOTSTRAP = Bootstrap(400, 0.95, 1)


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    created = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    return created


def log_run(table: pd.DataFrame) -> str:
    """Log predictions as `evaluate` does, and return the run's id."""
    with start_run() as created:
        mlflow.log_table(table, "test_predictions.json")
    return str(created.info.run_id)


@pytest.mark.slow
def test_differences_are_those_of_drawn_actors() -> None:
    """Against a plain loop over draws; the two bootstraps differ by chance alone."""
    first, second = new_predictions(0.8, seed=1), new_predictions(0.6, seed=2)
    difference = paired.paired_bootstrap(first, second, Bootstrap(4000, 0.95, 1))["uar"]
    random = np.random.default_rng(5)
    figures = []
    for _ in range(400):
        drawn = random.integers(1, 9, 8)
        first_rows, second_rows = (
            pd.concat([table[table["actor"] == f"{actor:02d}"] for actor in drawn])
            for table in (first, second)
        )
        figures.append(metrics.uar_of(first_rows) - metrics.uar_of(second_rows))
    low, high = np.quantile(figures, [0.025, 0.975])
    assert [difference.low, difference.high] == pytest.approx([low, high], abs=0.02)
    expected = (
        metrics.intervals(first, BOOTSTRAP)["uar"].value
        - metrics.intervals(second, BOOTSTRAP)["uar"].value
    )
    assert difference.value == pytest.approx(expected)
    assert (difference.actors, difference.performances) == (8, 256)


def test_the_same_predictions_do_not_differ() -> None:
    table = new_predictions(0.7)
    mixed = table.sample(frac=1, random_state=1)
    for interval in paired.paired_bootstrap(mixed, table, BOOTSTRAP).values():
        assert (interval.value, interval.low, interval.high) == pytest.approx((0, 0, 0))


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_an_actor_that_is_hard_for_both_does_not_widen_the_difference() -> None:
    table = new_predictions(0.9)
    hard = table.copy()
    hard.loc[hard["actor"] == "03", PROBABILITIES] = np.eye(8)[0]
    worse = hard.copy()
    worse.loc[worse["true"] == "sad", PROBABILITIES] = np.eye(8)[0]
    alone = metrics.intervals(worse, BOOTSTRAP)["uar"]
    difference = paired.paired_bootstrap(worse, hard, BOOTSTRAP)["uar"]
    assert width(difference) < width(alone) / 2


def test_only_common_performances_count() -> None:
    table = new_predictions(0.7)
    difference = paired.paired_bootstrap(table, table[table["actor"] <= "03"], BOOTSTRAP)
    assert (difference["uar"].actors, difference["uar"].performances) == (3, 96)
    assert (
        paired.paired_bootstrap(
            table[table["actor"] < "03"], table[table["actor"] > "03"], BOOTSTRAP
        )
        == {}
    )
    assert (
        paired.paired_bootstrap(table, table[table["actor"] == "01"], BOOTSTRAP)["uar"].low is None
    )


def test_two_truths_are_refused() -> None:
    table = new_predictions(0.7)
    other = table.assign(true=np.roll(table["true"], 1))
    with pytest.raises(ValueError, match="different true emotions"):
        paired.paired_bootstrap(table, other, BOOTSTRAP)


@pytest.mark.slow
def test_a_run_and_a_version(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = log_run(new_predictions(0.9, seed=3))
    register_version(tmp_path / "a", new_predictions(0.6), alias="champion")
    names = [run_id, f"models:/{NAME}@champion"]
    assert main(["compare", *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "on 256 performances of 8 actors"
    assert lines[1:3] == [f"1: {names[0]}", f"2: {names[1]}"]
    assert [line.split()[0] for line in lines[4:9]] == [
        "uar", "accuracy", "macro_f1", "calibration_error", "log_loss",
    ]  # fmt: skip
    assert lines[9].split()[:4] == ["uar,", "less", "1", lines[9].split()[3]]
    assert lines[9].split()[3].startswith("-0.")
    assert main(["compare", "--json", *names]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["differences"] == {}
    expected = second["figures"]["uar"]["value"] - first["figures"]["uar"]["value"]
    assert second["differences"]["uar"]["value"] == pytest.approx(expected)


@pytest.mark.slow
def test_what_cannot_be_compared(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_run() as empty:
        pass
    register_version(tmp_path / "a", None, alias="champion")
    first, second = (
        log_run(new_predictions(0.9).query(part)) for part in ("actor <= '02'", "actor > '02'")
    )
    for names, message in (
        (["0123456789abcdef"], "0123456789abcdef has no test_predictions.json"),
        ([empty.info.run_id], "has no test_predictions.json"),
        (["models:/avemo-audio@candidate"], "has no files"),
        (["models:/avemo-audio@champion"], "holds no predictions"),
        ([first, second], "no performance is answered for by all of"),
    ):
        assert main(["compare", *names]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
