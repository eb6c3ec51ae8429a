import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from avemo.emotions import EMOTIONS
from avemo.evaluation import calibration, metrics
from avemo.training import ensemble_selection
from avemo.training.inner_cv import uar

COLUMNS = list(metrics.PROBABILITIES)


def answers(true, chances):
    """A table of some performances, dealt to two folds in turn."""
    rows = range(len(true))
    table = pd.DataFrame(chances, columns=COLUMNS)
    table["performance"] = [f"p{row}" for row in rows]
    table["fold"] = [1 + row % 2 for row in rows]
    table["true"] = [EMOTIONS[place] for place in true]
    return table


@st.composite
def several(draw):
    """What some configurations answer to the same performances: better than chance, or not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    true = random.integers(0, len(EMOTIONS), draw(st.integers(2, 12)))
    skill = draw(st.floats(0, 3))
    scores = random.normal(0, 2, (draw(st.integers(1, 5)), len(true), len(EMOTIONS)))
    scores[:, np.arange(len(true)), true] += skill
    chances = np.exp(scores)
    return [answers(true, each / each.sum(axis=1, keepdims=True)) for each in chances]


def loss(tables):
    """What a choice goes by: the less, the better."""
    joint = ensemble_selection.mean(tables)
    scaled = calibration.apply_temperature(joint, calibration.fit_temperature(joint))
    return metrics.log_loss(joint["true"], metrics.probabilities(scaled))


@hypothesis(deadline=None, max_examples=50)
@given(several(), st.integers(1, 5))
def test_as_many_as_asked_for_the_best_first(judged, count):
    picks = ensemble_selection.choose(judged, count)
    assert len(picks) == count
    assert set(picks) <= set(range(len(judged)))
    assert loss([judged[picks[0]]]) == min(loss([one]) for one in judged)


@hypothesis(deadline=None, max_examples=25)
@given(several(), st.integers(1, 4))
def test_no_other_next_would_have_been_better(judged, count):
    *before, last = ensemble_selection.choose(judged, count)
    others = [loss([judged[each] for each in [*before, place]]) for place in range(len(judged))]
    assert others[last] == min(others)


@hypothesis(deadline=None, max_examples=25)
@given(several(), st.integers(1, 4), st.data())
def test_a_perfect_one_is_chosen(judged, count, data):
    sure = np.eye(len(EMOTIONS))[[EMOTIONS.index(name) for name in judged[0]["true"]]]
    place = data.draw(st.integers(0, len(judged)))
    judged.insert(place, judged[0].assign(**dict(zip(COLUMNS, sure.T, strict=True))))
    picks = ensemble_selection.choose(judged, count)
    assert loss([judged[pick] for pick in picks]) == pytest.approx(0, abs=1e-3)
    assert loss([judged[picks[0]]]) == loss([judged[place]])


def test_two_that_complement_each_other_come_before_the_best_alone():
    true = [0, 1, 2, 3, 0, 1, 2, 3]
    sure, unsure = 0.9 * np.eye(8) + 0.1 / 8, np.full((8, 8), 1 / 8)
    wrong = np.roll(unsure + 0.1 * np.eye(8) - 0.1 / 8, 1, axis=1)
    knows = [np.isin(true, known) for known in ([0, 1], [2, 3], [0, 1, 2])]
    judged = [answers(true, np.where(one[:, None], sure[true], wrong[true])) for one in knows]
    picks = ensemble_selection.choose(judged, 2)
    assert sorted(picks) == [1, 2]
    assert uar(ensemble_selection.mean([judged[pick] for pick in picks])) == 1


@hypothesis(deadline=None, max_examples=25)
@given(several())
def test_the_mean_of_answers(judged):
    before = [one.copy() for one in judged]
    joint = ensemble_selection.mean(judged)
    chances = metrics.probabilities(joint)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_allclose(
        chances, sum(one[COLUMNS].to_numpy() for one in judged) / len(judged)
    )
    others = ["performance", "fold", "true"]
    pd.testing.assert_frame_equal(joint[others], judged[0][others])
    for one, kept in zip(judged, before, strict=True):
        pd.testing.assert_frame_equal(one, kept)
    assert metrics.probabilities(ensemble_selection.mean(judged[:1])) == pytest.approx(
        metrics.probabilities(judged[0])
    )
