"""The risk-coverage curve, and the threshold whose accuracy has a bound."""

import numpy as np
import pandas as pd
import pytest
from helpers.bundles import new_abstention
from helpers.confident import confident_predictions, drawn_predictions
from hypothesis import given, settings
from hypothesis import strategies as st

from avemo.evaluation import metrics
from avemo.evaluation.abstention import risk_coverage, select_threshold, selective_figures
from avemo.evaluation.bootstrap import Bootstrap
from avemo.records import Abstention

BOOTSTRAP = Bootstrap(200, 0.95, 1)
rows = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from([0.2, 0.4, 0.55, 0.7, 0.9, 1.0]), st.booleans()),
    min_size=1,
    max_size=60,
)


def select(predictions: pd.DataFrame, target: float = 0.8, min_coverage: float = 0.1) -> Abstention:
    return select_threshold(predictions, BOOTSTRAP, target=target, min_coverage=min_coverage)


def answered(predictions: pd.DataFrame, threshold: float) -> pd.DataFrame:
    confidence = metrics.probabilities(predictions).max(axis=1)
    return pd.DataFrame(predictions[confidence >= threshold])


def accuracy(predictions: pd.DataFrame) -> float:
    return metrics.accuracy(
        predictions["true"], metrics.predicted(predictions), metrics.classes_of(predictions)
    )


def test_the_curve_by_hand() -> None:
    table = confident_predictions([(1, 0.9, True), (1, 0.8, False), (2, 0.7, True), (2, 0.5, True)])
    curve = risk_coverage(table)
    assert curve.thresholds.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.5])
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert curve.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_clips_of_equal_confidence_are_answered_together() -> None:
    table = confident_predictions([(1, 0.9, True), (1, 0.9, False), (2, 0.5, True)])
    curve = risk_coverage(table)
    assert curve.coverage.tolist() == pytest.approx([2 / 3, 1])
    assert curve.risk.tolist() == pytest.approx([1 / 2, 1 / 3])
    assert risk_coverage(table[::-1]).area == curve.area


@given(rows)
def test_the_curve_ends_with_all_clips(drawn: list[tuple[int, float, bool]]) -> None:
    table = confident_predictions(drawn)
    curve = risk_coverage(table)
    assert (np.diff(curve.thresholds) < 0).all()
    assert (np.diff(curve.coverage) > 0).all()
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == pytest.approx(1 - accuracy(table))
    assert 0 <= curve.area <= 1


@given(rows, st.floats(0, 1))
def test_figures_of_a_threshold(drawn: list[tuple[int, float, bool]], threshold: float) -> None:
    table = confident_predictions(drawn)
    figures = selective_figures(table, threshold, BOOTSTRAP)
    answers = answered(table, threshold)
    assert figures["coverage"].value == pytest.approx(len(answers) / len(table))
    assert ("selective_accuracy" in figures) == bool(len(answers))
    if len(answers):
        assert figures["selective_accuracy"].value == pytest.approx(accuracy(answers))


@given(rows, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_answers_no_more_clips(
    drawn: list[tuple[int, float, bool]], first: float, second: float
) -> None:
    table = confident_predictions(drawn)
    low, high = (
        selective_figures(table, threshold, BOOTSTRAP)["coverage"].value
        for threshold in sorted((first, second))
    )
    assert high <= low


@given(rows, st.floats(0.05, 0.95), st.floats(0.05, 1))
@settings(deadline=None)
def test_what_is_selected_keeps_its_promise_on_the_same_clips(
    drawn: list[tuple[int, float, bool]], target: float, min_coverage: float
) -> None:
    table = confident_predictions(drawn)
    chosen = select(table, target, min_coverage)
    answers = answered(table, chosen.threshold)
    assert chosen.coverage == pytest.approx(len(answers) / len(table))
    assert chosen.coverage >= min_coverage
    assert chosen.accuracy == pytest.approx(accuracy(answers))
    assert (chosen.performances, chosen.actors) == (len(table), table["actor"].nunique())
    if chosen.accuracy_low is None:
        assert chosen.actors == 1
        assert not chosen.reached
    else:
        assert chosen.reached == (chosen.accuracy_low >= target)
        assert chosen.accuracy_low <= chosen.accuracy


@given(rows, st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)))
@settings(deadline=None)
def test_a_higher_target_answers_no_more_clips(
    drawn: list[tuple[int, float, bool]], targets: tuple[float, float]
) -> None:
    table = confident_predictions(drawn)
    easy, hard = (select(table, target) for target in sorted(targets))
    assert hard.coverage <= easy.coverage
    assert hard.threshold >= easy.threshold


def test_every_stricter_threshold_reaches_the_target_too() -> None:
    """Or else the bound would not hold for a threshold that is chosen on the same clips."""
    sure_and_right = [(actor, 0.95, True) for actor in range(10)] * 10
    wrong = [(actor, 0.8, False) for actor in range(10)] * 10
    many_right = [(actor, 0.5, True) for actor in range(10)] * 100
    table = confident_predictions(sure_and_right + wrong + many_right)
    assert accuracy(table) > 0.9
    chosen = select(table, 0.8, min_coverage=0.05)
    assert (chosen.threshold, chosen.reached) == (0.95, True)


def test_of_thresholds_that_answer_the_same_clips_the_highest_is_taken() -> None:
    """A clip that is less sure than any that was tested is not sure."""
    table = confident_predictions([(actor, 0.6, True) for actor in range(10)] * 10)
    chosen = select(table)
    assert (chosen.threshold, chosen.coverage, chosen.reached) == (0.6, 1.0, True)


def test_few_right_answers_are_no_certainty() -> None:
    table = confident_predictions([(actor, 0.9, True) for actor in range(5)])
    chosen = select(table)
    assert chosen.accuracy == 1
    # Clopper and Pearson: the fifth root of 0.025
    assert chosen.accuracy_low == pytest.approx(0.025 ** (1 / 5))
    assert not chosen.reached


def test_where_nothing_reaches_the_target_the_strictest_threshold_says_so() -> None:
    table = drawn_predictions(np.random.default_rng(1), actors=10, clips=20, skill=0.3)
    chosen = select(table, 0.95)
    assert not chosen.reached
    assert 0.1 <= chosen.coverage < 0.2
    text = str(chosen)
    assert text.startswith("the target of 95% right answers is not reached: answers 1")
    assert f"right in at least {int((chosen.accuracy_low or 0) * 100)}% of them" in text


def test_the_promise_in_words() -> None:
    chosen = new_abstention(0.57)
    promise = "answers 82% of clips, right in at least 80% of them (95% bound over actors)"
    assert str(chosen) == promise
    alone = chosen.model_copy(update={"accuracy_low": None, "actors": 1, "reached": False})
    assert str(alone).endswith("right in 85% of them (one actor, hence no bound)")


def test_predictions_without_rows_or_actors_are_refused() -> None:
    table = confident_predictions([(1, 0.9, True)])
    with pytest.raises(ValueError, match="lack actor"):
        select(table.drop(columns="actor"))
    with pytest.raises(ValueError, match="lack rows"):
        risk_coverage(table[:0])


def test_fewer_actors_ask_for_wider_intervals() -> None:
    confidences = [BOOTSTRAP.expanded(actors).confidence for actors in (2, 5, 10, 24, 10_000)]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[-1] == pytest.approx(0.95, abs=1e-4)
    assert BOOTSTRAP.expanded(1) == BOOTSTRAP


@pytest.mark.slow
def test_the_promise_holds_for_actors_who_were_not_heard() -> None:
    """In a population that the corpora are drawn from, it may fail for one corpus in twenty."""
    random = np.random.default_rng(2)
    population = drawn_predictions(random, actors=2000, clips=30)
    failed = 0
    for seed in range(80):
        corpus = drawn_predictions(random, actors=12, clips=40)
        chosen = select_threshold(corpus, Bootstrap(300, 0.95, seed), target=0.85, min_coverage=0.1)
        failed += chosen.reached and accuracy(answered(population, chosen.threshold)) < 0.85
    assert failed <= 8  # at 1 in 20, one time in fifty there would be more
