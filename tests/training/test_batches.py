"""Every clip once an epoch; what is drawn depends on the seed and the epoch alone."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.training_task import dataset, settings
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.datasets import Dataset
from avemo.models import preprocessing
from avemo.models.hypermodel import Architectures, Augmentation
from avemo.records import Configuration
from avemo.training.batches import Batches
from avemo.training.fit import fit, make_deterministic

COPIES = {"whisper": ("slower", "faster")}
PLAIN = Augmentation()


def data_with_copies() -> Dataset:
    """Clips and two altered copies of each, recognised by their level."""
    data = dataset()
    clips = [np.full((3, 4), index, "f") for index in range(len(data))]
    copies = {"slower": [clip + 1000 for clip in clips], "faster": [clip + 2000 for clip in clips]}
    return replace(data, features={"whisper": clips, **copies})


def create_batches(
    augmentation: Augmentation = PLAIN, size: int = 10, seed: int = 1, data: Dataset | None = None
) -> Batches:
    preprocessor = preprocessing.SequencePreprocessor(3, [0.0] * 4, [1.0] * 4)
    data = data or data_with_copies()
    return Batches(data, {"whisper": preprocessor}, augmentation, size=size, seed=seed)


def run_epoch(
    batches: Batches,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The clips' levels, targets and weights, in the epoch's order."""
    epoch = [batches[index] for index in range(len(batches))]
    batches.on_epoch_end()
    inputs, targets, weights = zip(*epoch, strict=True)
    levels = np.concatenate([batch["whisper"][:, 0, 0] for batch in inputs])
    return levels, np.concatenate(targets), np.concatenate(weights)


@hypothesis(deadline=None, max_examples=20)
@given(st.integers(1, 120), st.integers(0, 2**32))
def test_each_clip_once_an_epoch_with_its_own_label(size: int, seed: int) -> None:
    batches = create_batches(size=size, seed=seed)
    first, targets, _ = run_epoch(batches)
    second, *_ = run_epoch(batches)
    labels = data_with_copies().labels
    assert sorted(first) == sorted(second) == list(range(len(labels)))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(targets.argmax(axis=1), labels[first.astype(int)])


def test_copies_are_drawn_as_often_as_the_clip() -> None:
    batches = create_batches(Augmentation(COPIES), seed=3)
    levels = np.concatenate([run_epoch(batches)[0] for _ in range(30)])
    shares = np.bincount((levels // 1000).astype(int)) / len(levels)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)
    np.testing.assert_array_equal(np.bincount((levels % 1000).astype(int)), 30)


def test_the_same_seed_draws_the_same() -> None:
    augmentation = Augmentation(COPIES, mixup=0.2)
    all_batches = [create_batches(augmentation, seed=seed) for seed in (1, 1, 2)]
    for _ in range(2):
        first, same, other = (run_epoch(batches)[0] for batches in all_batches)
        np.testing.assert_array_equal(first, same)
        assert not np.array_equal(first, other)


def test_mixed_clips_have_mixed_targets() -> None:
    # the level is the emotion's index, so that a mixture's target tells its level
    data = data_with_copies()
    clips = [np.full((3, 4), label, "f") for label in data.labels]
    data = replace(data, features={"whisper": clips})
    levels, targets, _ = run_epoch(create_batches(Augmentation(mixup=0.4), data=data))
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(targets @ np.arange(len(EMOTIONS)), levels, atol=1e-5)
    assert (targets.max(axis=1) < 0.95).sum() > 10


def test_each_emotion_weighs_the_same() -> None:
    data = data_with_copies()
    few = data.where(data.rows["emotion"].ne("happy") | data.rows["actor"].eq("01"))
    _, targets, weights = run_epoch(create_batches(data=few))
    sums = [weights[targets[:, code] == 1].sum() for code in range(len(EMOTIONS))]
    np.testing.assert_allclose(sums, len(few) / len(EMOTIONS), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("copies", [True, False])
def test_a_fit_goes_through_the_epochs_that_a_seed_gives(copies: bool) -> None:
    data = dataset()
    features = {**data.features, "whisper_speeds_slower": data.features["whisper"][::-1]}
    data = replace(data, features=features)
    preprocessors = {"whisper": preprocessing.fit(data.features["whisper"])}
    augmented = ["whisper_speeds_slower"] if copies else []
    hypermodel = Architectures("audio", ["whisper"], preprocessors, {}, augmented, classes=EMOTIONS)
    configuration: Configuration = {"architecture": "whisper", "whisper/width": 96}
    augmentation = hypermodel.augmentation_for(configuration)
    assert augmentation.copies == ({"whisper": augmented} if copies else {})

    def weights(seed: int) -> NDArray[np.float32]:
        make_deterministic(1)
        network = hypermodel.build_from(configuration)
        options = {"epochs": 2, "batch_size": settings().search.audio.batch_size, "seed": seed}
        fit(network, data, preprocessors, augmentation=augmentation, solver=None, **options)
        return np.concatenate([array.ravel() for array in network.get_weights()])

    once, again, other = weights(1), weights(1), weights(2)
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def test_without_copies_there_is_nothing_to_choose() -> None:
    hypermodel = Architectures("audio", ["whisper"], {}, {}, classes=EMOTIONS)
    assert hypermodel.augmentation_for({"architecture": "whisper"}) == Augmentation()
