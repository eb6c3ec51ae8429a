"""Every clip once an epoch; what is drawn depends on the seed and the epoch alone."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.training_task import dataset, settings
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from avemo.emotions import EMOTIONS
from avemo.models import preprocessing
from avemo.models.hypermodel import Architectures, Augmentation
from avemo.training.batches import Batches
from avemo.training.fit import fit, make_deterministic

COPIES = {"whisper": ("slower", "faster")}
PLAIN = Augmentation()


def data():
    """Clips and two altered copies of each, which are told by their level."""
    made = dataset()
    clips = [np.full((3, 4), place, "f") for place in range(len(made))]
    copies = {"slower": [clip + 1000 for clip in clips], "faster": [clip + 2000 for clip in clips]}
    return replace(made, features={"whisper": clips, **copies})


def batches(augmentation=PLAIN, size=10, seed=1, of=None):
    made = of or data()
    plain = preprocessing.SequencePreprocessor(3, [0.0] * 4, [1.0] * 4)
    return Batches(made, {"whisper": plain}, augmentation, size=size, seed=seed)


def epoch(made):
    """The clips' levels, targets and weights, in their order; and on to the next."""
    found = [made[index] for index in range(len(made))]
    made.on_epoch_end()
    levels = np.concatenate([given["whisper"][:, 0, 0] for given, _, _ in found])
    return levels, *(np.concatenate(parts) for parts in list(zip(*found, strict=True))[1:])


@hypothesis(deadline=None, max_examples=20)
@given(st.integers(1, 120), st.integers(0, 2**32))
def test_each_clip_once_an_epoch_with_its_own_label(size, seed):
    made = batches(size=size, seed=seed)
    first, targets, _ = epoch(made)
    second, *_ = epoch(made)
    labels = data().labels
    assert sorted(first) == sorted(second) == list(range(len(labels)))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(targets.argmax(axis=1), labels[first.astype(int)])


def test_copies_are_drawn_as_often_as_the_clip():
    made = batches(Augmentation(COPIES), seed=3)
    levels = np.concatenate([epoch(made)[0] for _ in range(30)])
    shares = np.bincount((levels // 1000).astype(int)) / len(levels)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)
    np.testing.assert_array_equal(np.bincount((levels % 1000).astype(int)), 30)


def test_the_same_seed_draws_the_same():
    augmentation = Augmentation(COPIES, mixup=0.2)
    one, same, other = (batches(augmentation, seed=seed) for seed in (1, 1, 2))
    for _ in range(2):
        found = [epoch(made) for made in (one, same, other)]
        np.testing.assert_array_equal(found[0][0], found[1][0])
        assert not np.array_equal(found[0][0], found[2][0])


def test_mixed_clips_have_mixed_targets():
    # the level is the emotion's place, so that a mixture's target says what its level is
    made = data()
    clips = [np.full((3, 4), label, "f") for label in made.labels]
    mixed = batches(Augmentation(mixup=0.4), of=replace(made, features={"whisper": clips}))
    levels, targets, _ = epoch(mixed)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(targets @ np.arange(len(EMOTIONS)), levels, atol=1e-5)
    assert (targets.max(axis=1) < 0.95).sum() > 10


def test_each_emotion_weighs_the_same():
    made = data()
    few = made.where(made.rows["emotion"].ne("happy") | made.rows["actor"].eq(1))
    _, targets, weights = epoch(batches(of=few))
    sums = [weights[targets[:, place] == 1].sum() for place in range(len(EMOTIONS))]
    np.testing.assert_allclose(sums, len(few) / len(EMOTIONS), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("copies", [True, False])
def test_a_fit_goes_through_the_epochs_that_a_seed_gives(copies):
    made = dataset()
    features = {**made.features, "whisper_speeds_slower": made.features["whisper"][::-1]}
    made = replace(made, features=features)
    preprocessor = {"whisper": preprocessing.fit(made.features["whisper"])}
    there = ["whisper_speeds_slower"] if copies else []
    networks = Architectures("audio", ["whisper"], preprocessor, {}, there)
    values = {"architecture": "whisper", "whisper/width": 96}
    augmentation = networks.augmentation_for(values)
    assert augmentation.copies == ({"whisper": there} if copies else {})

    def weights(seed):
        make_deterministic(1)
        network = networks.build_from(values)
        options = {"epochs": 2, "batch_size": settings().search.audio.batch_size, "seed": seed}
        fit(network, made, preprocessor, augmentation=augmentation, **options)
        return np.concatenate([each.ravel() for each in network.get_weights()])

    once, again, other = weights(1), weights(1), weights(2)
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def test_without_copies_there_is_nothing_to_choose():
    networks = Architectures("audio", ["whisper"], {}, {})
    assert networks.augmentation_for({"architecture": "whisper"}) == Augmentation()
