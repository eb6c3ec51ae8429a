"""One weight a model: what the product of their probabilities is, and how weights are fitted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from avemo.models.weighted_product import INITIAL_WEIGHT, combine, fit_weights

CLASSES, MODELS = 5, 2
SEEDS = st.integers(0, 2**32 - 1)
WEIGHTS = st.lists(st.floats(0, 5), min_size=MODELS, max_size=MODELS).map(np.array)


def answers(
    clips: int, skills: tuple[float, ...], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log probabilities of models that err independently and are calibrated, and what is true."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, clips)
    models = []
    for skill in skills:
        # what is seen is the true class's place, blurred: its likelihoods are known
        seen = skill * np.eye(CLASSES)[labels] + random.normal(size=(clips, CLASSES))
        logits = skill * seen
        models.append(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    return np.stack(models, axis=2), labels


def loss(logarithms: NDArray[np.float64], labels: NDArray[np.int64], weights: object) -> float:
    product = combine(logarithms, np.asarray(weights, float))
    return float(-np.log(product[np.arange(len(labels)), labels]).mean())


@given(seed=SEEDS, weights=WEIGHTS)
def test_a_product_is_a_distribution(seed: int, weights: NDArray[np.float64]) -> None:
    logarithms, _ = answers(6, (1.0, 2.0), seed)
    product = combine(logarithms, weights)
    np.testing.assert_allclose(product.sum(axis=1), 1)
    assert (product >= 0).all()


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS, weights=WEIGHTS, order=st.permutations(range(CLASSES)))
def test_the_order_of_the_classes_does_not_matter(
    seed: int, weights: NDArray[np.float64], order: list[int]
) -> None:
    logarithms, labels = answers(20, (1.0, 2.0), seed)
    permuted = logarithms[:, order]
    np.testing.assert_allclose(combine(permuted, weights), combine(logarithms, weights)[:, order])
    places = np.argsort(order)[labels]
    np.testing.assert_allclose(
        fit_weights(permuted, places), fit_weights(logarithms, labels), atol=1e-3
    )


@given(seed=SEEDS, weights=WEIGHTS, scale=st.floats(0.1, 10))
def test_the_weights_ratio_alone_says_which_class_is_likeliest(
    seed: int, weights: NDArray[np.float64], scale: float
) -> None:
    logarithms, _ = answers(20, (1.0, 2.0), seed)
    logits = logarithms @ weights
    first, second = np.sort(logits, axis=1).T[[-1, -2]]
    clear = first - second > 1e-6
    likeliest = combine(logarithms, weights).argmax(axis=1)
    scaled = combine(logarithms, scale * weights).argmax(axis=1)
    np.testing.assert_array_equal(scaled[clear], likeliest[clear])


@given(seed=SEEDS, weight=st.floats(0.1, 5))
def test_a_model_alone_stands_as_it_is(seed: int, weight: float) -> None:
    logarithms, _ = answers(6, (1.0, 2.0), seed)
    np.testing.assert_allclose(
        combine(logarithms, np.array([1.0, 0.0])), np.exp(logarithms[:, :, 0])
    )
    uniform = np.full_like(logarithms, -np.log(CLASSES))
    both = np.stack([logarithms[:, :, 0], uniform[:, :, 1]], axis=2)
    np.testing.assert_allclose(  # one that says nothing changes nothing
        combine(both, np.array([1.0, weight])), np.exp(logarithms[:, :, 0])
    )


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS)
def test_no_other_weights_are_better(seed: int) -> None:
    logarithms, labels = answers(500, (0.8, 1.5), seed)
    weights = fit_weights(logarithms, labels)
    assert (weights >= 0).all()
    best = loss(logarithms, labels, weights)
    # by more than what the shrinkage may cost
    for step in ((0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1), (0.1, 0.1), (-0.1, -0.1)):
        assert loss(logarithms, labels, np.maximum(weights + step, 0)) > best - 1e-2


def test_calibrated_models_that_err_independently_are_multiplied() -> None:
    logarithms, labels = answers(20_000, (1.0, 1.5), 1)
    np.testing.assert_allclose(fit_weights(logarithms, labels), [1, 1], atol=0.05)


def test_of_two_that_say_the_same_each_counts_half() -> None:
    logarithms, labels = answers(20_000, (1.5,), 1)
    weights = fit_weights(np.repeat(logarithms, 2, axis=2), labels)
    np.testing.assert_allclose(weights, [0.5, 0.5], atol=0.03)


def test_a_model_that_misleads_gets_no_weight() -> None:
    logarithms, labels = answers(2000, (1.5, 2.0), 1)
    logarithms[:, :, 1] = logarithms[:, ::-1, 1]
    weights = fit_weights(logarithms, labels)
    assert weights[0] > 0.8
    assert weights[1] == pytest.approx(0, abs=0.05)


def test_without_clips_the_weights_are_the_initial_ones() -> None:
    logarithms, labels = answers(0, (1.0, 2.0), 1)
    assert fit_weights(logarithms, labels).tolist() == [INITIAL_WEIGHT] * MODELS


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS)
def test_a_handful_of_clips_moves_no_weight_far(seed: int) -> None:
    logarithms, labels = answers(3, (1.0, 1.0), seed)
    assert np.abs(fit_weights(logarithms, labels) - INITIAL_WEIGHT).max() < 0.5
