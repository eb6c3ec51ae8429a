import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import metrics
from avemo.evaluation.bootstrap import Bootstrap, Interval

pairs = st.lists(
    st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1, max_size=60
)


def random_predictions(
    actors: int = 4,
    per_actor: int = 40,
    skill: float = 1.5,
    seed: int = 0,
    emotions: int = 8,
    classes: Sequence[str] = EMOTIONS,
) -> pd.DataFrame:
    """Predictions that are right more often than not; actors differ in how often."""
    random = np.random.default_rng(seed)
    rows = actors * per_actor
    true = random.integers(0, emotions, rows)
    scores = random.standard_normal((rows, len(classes)))
    actor = np.repeat(np.arange(1, actors + 1), per_actor)
    scores[np.arange(rows), true] += skill + random.normal(0, 0.7, actors)[actor - 1]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = pd.DataFrame(probabilities, columns=metrics.probability_columns(classes))
    table["performance"] = [f"p{row}" for row in range(rows)]
    table["actor"], table["fold"], table["part"] = actor, 1, "test"
    table["true"] = np.array(classes)[true]
    return table


@st.composite
def answers_of_classes(
    draw: st.DrawFn,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Draw two or more classes, and true and predicted ones among them."""
    names = st.from_regex("[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
    classes = draw(st.lists(names, min_size=2, max_size=12, unique=True))
    pair = st.tuples(st.sampled_from(classes), st.sampled_from(classes))
    true, guessed = zip(*draw(st.lists(pair, min_size=1, max_size=60)), strict=True)
    return tuple(classes), true, guessed


@given(answers_of_classes())
def test_sklearn_agrees_for_any_classes(
    answers: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
) -> None:
    classes, true, guessed = answers
    present = sorted(set(true))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sklearn warns of classes that are predicted and absent
        assert metrics.uar(true, guessed, classes) == pytest.approx(
            sk.balanced_accuracy_score(true, guessed)
        )
        assert metrics.macro_f1(true, guessed, classes) == pytest.approx(
            sk.f1_score(true, guessed, labels=present, average="macro", zero_division=0)
        )
        expected = sk.recall_score(true, guessed, labels=present, average=None)
    accuracy = sk.accuracy_score(true, guessed)
    assert metrics.accuracy(true, guessed, classes) == pytest.approx(accuracy)
    assert metrics.recalls(true, guessed, classes) == {
        emotion: pytest.approx(value) for emotion, value in zip(present, expected, strict=True)
    }
    np.testing.assert_array_equal(
        metrics.confusion_matrix(true, guessed, classes),
        sk.confusion_matrix(true, guessed, labels=list(classes)),
    )


@given(st.integers(2, 12), st.integers(0, 99))
def test_sklearn_agrees_on_a_table_of_any_classes(count: int, seed: int) -> None:
    classes = [f"class-{number}" for number in range(count, 0, -1)]  # not in the alphabet's order
    table = random_predictions(emotions=count, classes=classes, per_actor=12, seed=seed)
    figures = metrics.intervals(table, Bootstrap(100, 0.95, 1))
    guessed = metrics.predicted(table)
    assert metrics.classes_of(table) == tuple(classes)
    assert figures["accuracy"].value == pytest.approx(sk.accuracy_score(table["true"], guessed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sk.balanced_accuracy_score(table["true"], guessed)
    assert figures["uar"].value == metrics.uar_of(table) == pytest.approx(expected)
    assert figures["log_loss"].value == pytest.approx(
        sk.log_loss(
            [classes.index(name) for name in table["true"]],
            metrics.probabilities(table),
            labels=range(count),
        )
    )
    assert {name for name in figures if name.startswith("recall_")} == {
        f"recall_{name}" for name in set(table["true"])
    }


@given(pairs, st.randoms(use_true_random=False))
def test_order_does_not_matter(answers: list[tuple[str, str]], random: Any) -> None:
    mixed = random.sample(answers, len(answers))
    figures = []
    for pairs_in_order in (answers, mixed):
        true, guessed = zip(*pairs_in_order, strict=True)
        figures.append(metrics.uar(true, guessed, EMOTIONS))
    assert 0 <= figures[0] <= 1
    assert figures[0] == figures[1]


def test_uar_counts_each_class_alike() -> None:
    true, guessed = ["sad"] * 9 + ["calm"], ["sad"] * 10
    assert metrics.accuracy(true, guessed, EMOTIONS) == 0.9
    assert metrics.uar(true, guessed, EMOTIONS) == metrics.chance_level(true) == 0.5


def test_wrong_names() -> None:
    with pytest.raises(ValueError, match="bored is none of the classes neutral, calm"):
        metrics.uar(["sad", "bored"], ["sad", "sad"], EMOTIONS)
    with pytest.raises(ValueError, match="2 true and 1 predicted"):
        metrics.uar(["sad", "calm"], ["sad"], EMOTIONS)
    with pytest.raises(ValueError, match="at least one"):
        metrics.uar([], [], EMOTIONS)


def test_calibration_error_by_hand() -> None:
    # bins of 1/15: 0.9 and 0.92 share the 14th, (0.867, 0.933]; 0.6 is in the 9th, (0.533, 0.6]
    probabilities = np.array([[0.9, 0.1], [0.92, 0.08], [0.4, 0.6], [0.4, 0.6]])
    true = ["a", "b", "b", "b"]
    # 14th: |0.91 - 0.5| of 2 in 4; 9th: |0.6 - 1| of 2 in 4
    assert metrics.calibration_error(true, probabilities, ["a", "b"]) == pytest.approx(
        0.5 * 0.41 + 0.5 * 0.4
    )


def test_calibration_error_of_certainty() -> None:
    sure = np.eye(3)
    assert metrics.calibration_error(["a", "b", "c"], sure, "abc") == 0
    assert metrics.calibration_error(["b", "c", "a"], sure, "abc") == 1


def test_log_loss() -> None:
    table = random_predictions()
    probabilities = metrics.probabilities(table)
    assert metrics.log_loss(table["true"], probabilities, EMOTIONS) == pytest.approx(
        sk.log_loss(
            [EMOTIONS.index(name) for name in table["true"]], probabilities, labels=range(8)
        )
    )
    assert np.isfinite(metrics.log_loss(["a"], np.array([[0.0, 1.0]]), "ab"))


def test_intervals_hold_the_plain_figures() -> None:
    table = random_predictions(emotions=6)
    intervals = metrics.intervals(table, Bootstrap(500, 0.95, 1))
    true, guessed = table["true"], metrics.predicted(table)
    probabilities = metrics.probabilities(table)
    assert {name: interval.value for name, interval in intervals.items()} == {
        "uar": pytest.approx(metrics.uar(true, guessed, EMOTIONS)),
        "accuracy": pytest.approx(metrics.accuracy(true, guessed, EMOTIONS)),
        "macro_f1": pytest.approx(metrics.macro_f1(true, guessed, EMOTIONS)),
        "calibration_error": pytest.approx(
            metrics.calibration_error(true, probabilities, EMOTIONS)
        ),
        "log_loss": pytest.approx(metrics.log_loss(true, probabilities, EMOTIONS)),
        **{
            f"recall_{k}": pytest.approx(v)
            for k, v in metrics.recalls(true, guessed, EMOTIONS).items()
        },
    }
    for interval in intervals.values():
        low, high = bounds(interval)
        assert low < high
        assert (interval.actors, interval.performances) == (4, 160)
    low, high = bounds(intervals["uar"])
    assert low < intervals["uar"].value < high


def bounds(interval: Interval) -> tuple[float, float]:
    """The interval's lower and upper bound, which must be there."""
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


@pytest.mark.slow
def test_intervals_are_those_of_drawn_actors() -> None:
    """Against a plain loop over draws; the two bootstraps differ by chance alone."""
    table = random_predictions(actors=6)
    uar = metrics.intervals(table, Bootstrap(4000, 0.9, 1))["uar"]
    random = np.random.default_rng(2)
    parts = [part for _, part in table.groupby("actor")]
    figures = []
    for _ in range(400):
        drawn = pd.concat([parts[i] for i in random.integers(0, 6, 6)])
        figures.append(metrics.uar_of(drawn))
    low, high = np.quantile(figures, [0.05, 0.95])
    assert bounds(uar) == pytest.approx((low, high), abs=0.02)


def test_intervals_depend_on_the_seed_alone() -> None:
    table = random_predictions()
    first = metrics.intervals(table, Bootstrap(200, 0.95, 1))
    mixed = metrics.intervals(table.sample(frac=1, random_state=3), Bootstrap(200, 0.95, 1))
    other = metrics.intervals(table, Bootstrap(200, 0.95, 2))
    for name, interval in first.items():
        assert bounds(mixed[name]) == pytest.approx(bounds(interval))
    assert first["uar"] != other["uar"]


def test_more_confidence_is_wider() -> None:
    narrow, wide = (
        bounds(metrics.intervals(random_predictions(), Bootstrap(500, share, 1))["uar"])
        for share in (0.8, 0.99)
    )
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


def test_one_actor_has_no_interval() -> None:
    uar = metrics.intervals(random_predictions(actors=1), Bootstrap(100, 0.95, 1))["uar"]
    assert (uar.low, uar.high, uar.actors) == (None, None, 1)
    assert str(uar) == f"{uar.value:.3f}"


def test_an_interval_has_one_form() -> None:
    interval = Interval(0.7123, 0.6, 0.8)
    assert f"{interval}" == str(interval) == "0.712 [0.600, 0.800]"
    assert f"{interval:+}" == "+0.712 [+0.600, +0.800]"
    assert f"{Interval(-0.01):+}" == "-0.010"
    # half of the last digit, by two orders of a sum
    assert str(Interval(0.0125)) == str(Interval(0.012499999999999999)) == "0.013"


def test_an_emotion_of_one_actor_only() -> None:
    table = random_predictions(actors=2)
    table.loc[table["actor"] == 2, "true"] = "calm"
    table.loc[table["actor"] == 1, "true"] = "sad"
    intervals = metrics.intervals(table, Bootstrap(100, 0.95, 1))
    assert set(intervals) >= {"recall_calm", "recall_sad"}
    assert all(np.isfinite(bounds(interval)).all() for interval in intervals.values())


def test_intervals_refuse_bad_tables() -> None:
    bootstrap = Bootstrap(100, 0.95, 1)
    with pytest.raises(ValueError, match="sad is none of the classes neutral, calm, happy, angry"):
        metrics.intervals(random_predictions().drop(columns="p_sad"), bootstrap)
    columns = metrics.probability_columns(EMOTIONS[1:])
    with pytest.raises(ValueError, match="predictions have 1 columns p_CLASS: a column a class"):
        metrics.intervals(random_predictions().drop(columns=columns), bootstrap)
    with pytest.raises(ValueError, match="predictions lack actor"):
        metrics.intervals(random_predictions().drop(columns="actor"), bootstrap)
    with pytest.raises(ValueError, match="lack rows"):
        metrics.intervals(random_predictions().iloc[:0], bootstrap)
    with pytest.raises(ValueError, match="no number"):
        metrics.intervals(random_predictions().assign(p_sad=np.nan), bootstrap)


def test_classification_report_names_what_is_there() -> None:
    report = metrics.classification_report(random_predictions(emotions=5))
    assert "angry" in report
    assert "fearful" not in report
