"""Greedy selection adds the member that makes the mean prediction best."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from helpers.probabilities import PROBABILITIES
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import calibration, metrics
from avemo.training.ensemble_selection import average_predictions, select_greedily
from avemo.training.inner_cv import mean_uar

COLUMNS = PROBABILITIES


def predictions_of(
    true: Sequence[int] | NDArray[np.int64], probabilities: NDArray[np.float64]
) -> pd.DataFrame:
    """Predictions of some performances, dealt to two folds in turn."""
    rows = range(len(true))
    table = pd.DataFrame(probabilities, columns=COLUMNS)
    table["performance"] = [f"p{row}" for row in rows]
    table["fold"] = [1 + row % 2 for row in rows]
    table["true"] = [EMOTIONS[place] for place in true]
    return table


@st.composite
def candidates(draw: st.DrawFn) -> list[pd.DataFrame]:
    """Predictions of the same performances by some configurations, better than chance or not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    true = random.integers(0, len(EMOTIONS), draw(st.integers(2, 12)))
    skill = draw(st.floats(0, 3))
    scores = random.normal(0, 2, (draw(st.integers(1, 5)), len(true), len(EMOTIONS)))
    scores[:, np.arange(len(true)), true] += skill
    raised = np.exp(scores)
    return [predictions_of(true, rows / rows.sum(axis=1, keepdims=True)) for rows in raised]


def loss(predictions: list[pd.DataFrame]) -> float:
    """What the selection minimises."""
    mean = average_predictions(predictions)
    scaled = calibration.apply_temperature(mean, calibration.fit_temperature(mean))
    return metrics.log_loss(mean["true"], metrics.probabilities(scaled), EMOTIONS)


@hypothesis(deadline=None, max_examples=20)
@given(candidates(), st.integers(1, 5))
@pytest.mark.slow
def test_as_many_members_as_requested_the_best_first(
    predictions: list[pd.DataFrame], count: int
) -> None:
    indices = select_greedily(predictions, count)
    assert len(indices) == count
    assert set(indices) <= set(range(len(predictions)))
    assert loss([predictions[indices[0]]]) == min(loss([rows]) for rows in predictions)


@hypothesis(deadline=None, max_examples=10)
@given(candidates(), st.integers(1, 4))
def test_no_other_next_would_have_been_better(predictions: list[pd.DataFrame], count: int) -> None:
    *before, last = select_greedily(predictions, count)
    others = [
        loss([predictions[index] for index in [*before, other]])
        for other in range(len(predictions))
    ]
    assert others[last] == min(others)


@hypothesis(deadline=None, max_examples=10)
@given(candidates(), st.integers(1, 4), st.data())
@pytest.mark.slow
def test_a_perfect_configuration_is_selected(
    predictions: list[pd.DataFrame], count: int, data: st.DataObject
) -> None:
    confident = np.eye(len(EMOTIONS))[[EMOTIONS.index(name) for name in predictions[0]["true"]]]
    place = data.draw(st.integers(0, len(predictions)))
    predictions.insert(place, predictions[0].assign(**dict(zip(COLUMNS, confident.T, strict=True))))
    indices = select_greedily(predictions, count)
    assert loss([predictions[index] for index in indices]) == pytest.approx(0, abs=1e-3)
    assert loss([predictions[indices[0]]]) == loss([predictions[place]])


def test_two_that_complement_each_other_come_before_the_best_alone() -> None:
    true = [0, 1, 2, 3, 0, 1, 2, 3]
    confident, unsure = 0.9 * np.eye(8) + 0.1 / 8, np.full((8, 8), 1 / 8)
    wrong = np.roll(unsure + 0.1 * np.eye(8) - 0.1 / 8, 1, axis=1)
    knows = [np.isin(true, emotions) for emotions in ([0, 1], [2, 3], [0, 1, 2])]
    predictions = [
        predictions_of(true, np.where(known[:, None], confident[true], wrong[true]))
        for known in knows
    ]
    indices = select_greedily(predictions, 2)
    assert sorted(indices) == [1, 2]
    assert mean_uar(average_predictions([predictions[index] for index in indices])) == 1


@hypothesis(deadline=None, max_examples=10)
@given(candidates())
def test_the_mean_of_predictions(predictions: list[pd.DataFrame]) -> None:
    before = [rows.copy() for rows in predictions]
    mean = average_predictions(predictions)
    probabilities = metrics.probabilities(mean)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(
        probabilities, sum(rows[COLUMNS].to_numpy() for rows in predictions) / len(predictions)
    )
    others = ["performance", "fold", "true"]
    pd.testing.assert_frame_equal(mean[others], predictions[0][others])
    for rows, unchanged in zip(predictions, before, strict=True):
        pd.testing.assert_frame_equal(rows, unchanged)
    assert metrics.probabilities(average_predictions(predictions[:1])) == pytest.approx(
        metrics.probabilities(predictions[0])
    )
