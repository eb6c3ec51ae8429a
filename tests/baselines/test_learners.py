import numpy as np
import pytest
from helpers.baseline_corpus import settings
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from avemo.baselines import cnn, dense, face, lstm, modules
from avemo.baselines.learners import AveragedNetworks, Build, Classifier, Examples, Network
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import metrics

LABELS = np.arange(16) % len(EMOTIONS)


def examples(*shapes: tuple[int, ...]) -> Examples:
    draw = np.random.default_rng(1)
    return [draw.normal(size=(len(LABELS), *shape)).astype("f") for shape in shapes], LABELS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (lstm.build, [(5, 4)]),
        (cnn.build, [(20, 16)]),
        (face.build, [(32, 32, 1)]),
        (dense.build, [(12,)]),
        (dense.build, [(12,), (8, 8, 1)]),
        (modules.build, [(5, 4), (32, 32, 1)]),
    ],
)
def test_a_network_learns_the_same_from_the_same_seed(
    build: Build, shapes: list[tuple[int, ...]]
) -> None:
    train = examples(*shapes)
    figures: list[dict[str, float]] = []
    answers = []
    for seed in (20, 20, 21):
        network = Network(build, settings(epochs=2).baselines, seed, len(EMOTIONS))
        history = network.fit(train, train, figures.append)
        answers.append(network.probabilities(train[0]))
    assert answers[0].shape == (len(LABELS), len(EMOTIONS))
    np.testing.assert_allclose(answers[0].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])
    assert history["epoch"].tolist() == [1, 2]
    assert {"loss", "uar", "val_loss", "val_uar", "learning_rate"} <= set(history)
    best = history["val_uar"].iloc[history["val_loss"].argmin()]
    predicted = answers[-1].argmax(axis=1)
    names = np.array(EMOTIONS)
    assert best == pytest.approx(metrics.uar(names[LABELS], names[predicted], EMOTIONS))
    assert len(figures) == 6
    assert {"val_uar"} <= set(figures[0])


@pytest.mark.slow
def test_the_rate_falls_and_the_training_stops_where_nothing_gets_better() -> None:
    train = examples((3,))
    wrong = train[0], (LABELS + 4) % len(EMOTIONS)  # what helps the one hurts the other
    options = settings(epochs=100, patience=6, batch_size=4).baselines
    network = Network(dense.build, options, 20, len(EMOTIONS))
    history = network.fit(train, wrong, lambda figures: None)
    assert len(history) < 100
    assert history["val_loss"].argmin() == len(history) - 1 - options.patience
    assert history["learning_rate"].iloc[-1] < history["learning_rate"].iloc[0]


@pytest.mark.parametrize("model", [LinearSVC(), DecisionTreeClassifier()])
@pytest.mark.parametrize("emotions", [[2, 6], [1, 3, 5]])
def test_what_the_training_part_did_not_hold_has_no_probability(
    model: LinearSVC | DecisionTreeClassifier, emotions: list[int]
) -> None:
    x, _ = examples((4,))
    labels = np.resize(emotions, len(LABELS))
    learner = Classifier(model, len(EMOTIONS))
    learner.fit((x, labels), (x, labels), lambda figures: None)
    probabilities = learner.probabilities(x)
    assert probabilities.shape == (len(LABELS), len(EMOTIONS))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert set(np.flatnonzero(probabilities.any(axis=0))) == set(emotions)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), model.predict(*x))


class _CountsThreads(DecisionTreeClassifier):  # type: ignore[misc]
    """Notes how many threads NumPy has while it learns."""

    def fit(self, x: np.ndarray, labels: np.ndarray) -> "_CountsThreads":
        self.threads_ = {
            pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"
        }
        super().fit(x, labels)
        return self


def test_a_classifier_learns_on_one_thread() -> None:
    model, train = _CountsThreads(), examples((4,))
    with threadpool_limits(2, "blas"):
        Classifier(model, len(EMOTIONS)).fit(train, train, lambda figures: None)
    assert model.threads_ == {1}


@pytest.mark.slow
def test_averaged_networks_are_trained_on_their_own_input_each() -> None:
    train, options = examples((5, 4), (6,)), settings(epochs=2).baselines
    networks = [Network(build, options, 20, len(EMOTIONS)) for build in (lstm.build, dense.build)]
    answers = []
    for network, x in zip(networks, train[0], strict=True):
        network.fit(([x], LABELS), ([x], LABELS), lambda figures: None)
        answers.append(network.probabilities([x]))
    averaged = AveragedNetworks((lstm.build, dense.build), options, 20, len(EMOTIONS))
    history = averaged.fit(train, train, lambda figures: None)
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert not np.allclose(answers[0], answers[1])
    np.testing.assert_allclose(averaged.probabilities(train[0]), np.mean(answers, axis=0))
