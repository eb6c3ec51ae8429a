from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from avemo.models.layers.uar import UAR


def random_predictions(
    seed: int, count: int, classes: Sequence[int], of: int = 8
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels among some classes, and probabilities that lean towards them."""
    draw = np.random.default_rng(seed)
    labels = draw.choice(classes, count)
    scores = draw.random((count, of)) + np.eye(of)[labels] * draw.random()
    return labels, scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize(
    ("classes", "of"), [(range(8), 8), ([0, 3, 7], 8), ([5], 8), (range(2), 2), (range(11), 11)]
)
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_it_equals_scikit_learn_s_over_any_batches(
    classes: Sequence[int], of: int, batch: int
) -> None:
    metric = UAR(of)
    for seed in (1, 2):
        labels, probabilities = random_predictions(seed, 40, list(classes), of)
        one_hot = np.eye(of)[labels]
        for start in range(0, len(labels), batch):
            stop = start + batch
            metric.update_state(one_hot[start:stop], probabilities[start:stop])
        expected = balanced_accuracy_score(labels, probabilities.argmax(axis=1))
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
        metric.reset_state()


def test_sample_weights_change_nothing() -> None:
    labels, probabilities = random_predictions(3, 40, range(8))
    plain, weighted = UAR(8), UAR(8)
    one_hot = np.eye(8)[labels]
    plain.update_state(one_hot, probabilities)
    weighted.update_state(one_hot, probabilities, sample_weight=np.arange(40))
    assert float(plain.result()) == float(weighted.result())


def test_without_clips_it_is_zero() -> None:
    assert float(UAR(8).result()) == 0
