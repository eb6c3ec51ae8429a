from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.models.layers.uar import UAR


def random_predictions(
    seed: int, count: int, classes: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels among some classes, and probabilities that lean towards them."""
    draw = np.random.default_rng(seed)
    labels = draw.choice(classes, count)
    scores = draw.random((count, len(EMOTIONS))) + np.eye(len(EMOTIONS))[labels] * draw.random()
    return labels, scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("classes", [range(8), [0, 3, 7], [5]], ids=["all", "some", "one"])
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_it_equals_scikit_learn_s_over_any_batches(classes: Sequence[int], batch: int) -> None:
    metric = UAR()
    for seed in (1, 2):
        labels, probabilities = random_predictions(seed, 40, list(classes))
        one_hot = np.eye(len(EMOTIONS))[labels]
        for start in range(0, len(labels), batch):
            stop = start + batch
            metric.update_state(one_hot[start:stop], probabilities[start:stop])
        expected = balanced_accuracy_score(labels, probabilities.argmax(axis=1))
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
        metric.reset_state()


def test_sample_weights_change_nothing() -> None:
    labels, probabilities = random_predictions(3, 40, range(8))
    plain, weighted = UAR(), UAR()
    one_hot = np.eye(len(EMOTIONS))[labels]
    plain.update_state(one_hot, probabilities)
    weighted.update_state(one_hot, probabilities, sample_weight=np.arange(40))
    assert float(plain.result()) == float(weighted.result())


def test_without_clips_it_is_zero() -> None:
    assert float(UAR().result()) == 0
