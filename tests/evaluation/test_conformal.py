"""Conformal sets hold the right emotion as often as they say."""

import numpy as np
import pandas as pd
import pytest
from helpers.confident import confident_predictions, drawn_predictions
from helpers.probabilities import PROBABILITIES
from hypothesis import given
from hypothesis import strategies as st

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation.bootstrap import Bootstrap
from avemo.evaluation.conformal import fit_sets, set_figures
from avemo.evaluation.metrics import class_codes, probabilities

BOOTSTRAP = Bootstrap(200, 0.95, 1)


def truth(table: pd.DataFrame) -> np.ndarray:
    """The probability of each row's true emotion."""
    codes = class_codes(table["true"], EMOTIONS)
    return np.asarray(probabilities(table)[np.arange(len(table)), codes])


def true_probabilities(values: list[float]) -> pd.DataFrame:
    """A performance of each actor, whose true emotion, neutral, has these probabilities."""
    others = {name: [(1 - value) / 7 for value in values] for name in PROBABILITIES[1:]}
    table = pd.DataFrame({PROBABILITIES[0]: values} | others)
    return table.assign(
        performance=[f"p{place}" for place in range(len(values))],
        actor=range(len(values)),
        true="neutral",
    )


def test_the_finite_sample_quantile() -> None:
    """Of 19 actors, 90 % of 20 are 18: the second smallest probability of all."""
    values = np.linspace(0.2, 0.92, 19).tolist()
    assert fit_sets(true_probabilities(values), 0.9).threshold == pytest.approx(values[1])
    assert fit_sets(true_probabilities(values), 0.95).threshold == pytest.approx(values[0])


def test_too_few_actors_for_the_level() -> None:
    sets = fit_sets(true_probabilities([0.9] * 8), 0.9)  # 8 of 9 are less than 90 %
    assert (sets.threshold, sets.mean_size) == (0, len(EMOTIONS))
    assert fit_sets(true_probabilities([0.9] * 9), 0.9).threshold == pytest.approx(0.9)


def test_an_actor_with_many_clips_weighs_no_more_than_another() -> None:
    table = true_probabilities([0.6] * 19 + [0.3])
    repeated = pd.concat([table, *[table[-1:]] * 500], ignore_index=True)
    assert fit_sets(repeated, 0.9).threshold == fit_sets(table, 0.9).threshold == 0.6


@given(
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0.2, 0.5, 0.9]), st.booleans()),
             min_size=1, max_size=40),
    st.floats(0.05, 0.99),
    st.floats(0.05, 0.99),
)  # fmt: skip
def test_a_higher_level_has_larger_sets(
    drawn: list[tuple[int, float, bool]], first: float, second: float
) -> None:
    table = confident_predictions(drawn)
    low, high = (fit_sets(table, level) for level in sorted((first, second)))
    assert high.threshold <= low.threshold
    assert 1 <= low.mean_size <= high.mean_size <= len(EMOTIONS)
    for sets in (low, high):
        figures = set_figures(table, sets.threshold, BOOTSTRAP)
        assert figures["set_size"].value == pytest.approx(sets.mean_size)
        if sets.threshold == 0:
            assert figures["set_coverage"].value == 1


@pytest.mark.parametrize("level", [0.8, 0.9])
@pytest.mark.slow
def test_coverage_for_actors_who_were_not_heard(level: float) -> None:
    """On average over corpora of exchangeable actors, at least the level, and not much more."""
    random = np.random.default_rng(3)
    population = truth(drawn_predictions(random, actors=2000, clips=10))
    covered = [
        (population >= fit_sets(corpus, level).threshold).mean()
        for corpus in (drawn_predictions(random, actors=20, clips=20) for _ in range(150))
    ]
    assert level - 0.005 <= np.mean(covered) <= level + 1 / 20


def test_without_actors() -> None:
    with pytest.raises(ValueError, match="lack actor"):
        fit_sets(true_probabilities([0.9]).drop(columns="actor"), 0.9)
