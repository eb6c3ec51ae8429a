"""No fit sees the folds that it predicts, and each is made once."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.probabilities import PROBABILITIES
from helpers.training_task import HEAD, LINEAR, alter_fold, dataset, settings, training_task
from hypothesis import Phase, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from numpy.typing import NDArray

from avemo.datasets import Dataset
from avemo.evaluation import metrics
from avemo.paths import Project
from avemo.records import Configuration
from avemo.settings import Settings
from avemo.training import inner_cv
from avemo.training.fit import fit
from avemo.training.inner_cv import InnerCV, mean_uar, open_cache

pytestmark = pytest.mark.slow


@pytest.fixture
def train_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each fit's training set."""
    sizes = []

    def count_and_fit(
        network: Any, train: Dataset, *arguments: Any, **options: Any
    ) -> pd.DataFrame:
        sizes.append(len(train))
        return fit(network, train, *arguments, **options)

    monkeypatch.setattr(inner_cv, "fit", count_and_fit)
    return sizes


@pytest.fixture(scope="module")
def unaltered(tmp_path_factory: pytest.TempPathFactory) -> InnerCV:
    return InnerCV(training_task(), settings(), tmp_path_factory.mktemp("unaltered"))


def of_folds(predictions: pd.DataFrame, *folds: int) -> NDArray[np.float64]:
    """Some folds' probabilities."""
    return metrics.probabilities(predictions[predictions["fold"].isin(folds)])


# no shrinking: each example is a fit
@hypothesis(deadline=None, max_examples=4, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32), configuration=st.sampled_from([LINEAR, HEAD]))
def test_unseen_folds_do_not_influence_a_fit(
    unaltered: InnerCV,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    configuration: Configuration,
) -> None:
    data = alter_fold(alter_fold(alter_fold(dataset(), 1, seed), 2, seed), 1, seed, features=True)
    assert (data.rows["emotion"] != dataset().rows["emotion"]).any()
    other = InnerCV(training_task(data), settings(), tmp_path_factory.mktemp("altered"))
    predictions, expected = (
        cache.out_of_fold_predictions(configuration, {1, 2}) for cache in (other, unaltered)
    )
    np.testing.assert_array_equal(of_folds(predictions, 2), of_folds(expected, 2))
    assert not np.array_equal(of_folds(predictions, 1), of_folds(expected, 1))
    assert (
        predictions["true"].tolist()
        == data.where(data.rows["fold"].isin([1, 2])).rows["emotion"].tolist()
    )


@pytest.mark.parametrize(
    ("configuration", "same_shape"), [(LINEAR, True), (HEAD, False)], ids=["linear", "head"]
)
def test_a_network_that_was_fitted_before_is_like_a_new_one(
    tmp_path: Path, configuration: Configuration, same_shape: bool
) -> None:
    fresh, used = (InnerCV(training_task(), settings(), tmp_path / name) for name in "ab")
    used.out_of_fold_predictions(configuration, {1, 3})
    network = used._last_network
    pd.testing.assert_frame_equal(
        used.out_of_fold_predictions(configuration, {1, 2}),
        fresh.out_of_fold_predictions(configuration, {1, 2}),
    )
    assert (used._last_network is network) == same_shape


@pytest.mark.parametrize("features", [False, True])
def test_training_folds_influence_a_fit(unaltered: InnerCV, tmp_path: Path, features: bool) -> None:
    other = InnerCV(
        training_task(alter_fold(dataset(), 3, 1, features=features)), settings(), tmp_path
    )
    predictions, expected = (
        cache.out_of_fold_predictions(LINEAR, {1, 2}) for cache in (other, unaltered)
    )
    assert not np.array_equal(of_folds(predictions, 1, 2), of_folds(expected, 1, 2))


@pytest.mark.parametrize("test_fold", [1, 3, None])
def test_the_inner_folds_are_predicted_and_no_other(
    unaltered: InnerCV, test_fold: int | None
) -> None:
    fits = []
    predictions = unaltered.inner_predictions(LINEAR, test_fold, lambda: fits.append(1))
    inner = [fold for fold in (1, 2, 3) if fold != test_fold]
    assert unaltered.inner_folds(test_fold) == inner
    assert len(fits) == len(inner)
    rows = dataset().rows
    expected = rows[rows["fold"].isin(inner)]
    assert sorted(predictions["performance"]) == expected["performance"].tolist()
    assert predictions.columns.tolist() == [
        *("performance", "corpus", "actor", "sex", "fold", "part", "true"),
        *PROBABILITIES,
    ]
    joined = predictions.merge(rows, on="performance", suffixes=("", "_was"))
    for name, was in (("true", "emotion"), ("fold", "fold_was"), ("actor", "actor_was")):
        assert joined[name].tolist() == joined[was].tolist()


def test_predictions_stand_beside_their_performances(tmp_path: Path) -> None:
    predictions = InnerCV(training_task(), settings(epochs=20), tmp_path).out_of_fold_predictions(
        LINEAR, {1, 2}
    )
    assert mean_uar(predictions) > 0.5  # by chance: one in eight


def test_each_fit_is_made_once(tmp_path: Path, train_sizes: list[int]) -> None:
    cache = InnerCV(training_task(), settings(epochs=1), tmp_path)
    first = cache.inner_predictions(LINEAR, 1)
    assert train_sizes == [32, 32]  # without folds 1 and 2, without 1 and 3
    cache.inner_predictions(LINEAR, 2)
    cache.inner_predictions(LINEAR, 3)
    assert len(train_sizes) == 3  # without 2 and 3; the others were there
    again = InnerCV(training_task(), settings(epochs=1), tmp_path)
    assert again.inner_predictions(dict(reversed(LINEAR.items())), 1).equals(first)
    again.out_of_fold_predictions(LINEAR, [2, 1])
    assert len(train_sizes) == 3
    again.out_of_fold_predictions(LINEAR, {1})
    again.out_of_fold_predictions(LINEAR, {1}, member=1)
    assert train_sizes[3:] == [64, 64]
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("moment", ["fit", "write"])
def test_an_interrupted_fit_leaves_no_file(
    unaltered: InnerCV, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def interrupt(*arguments: Any, **options: Any) -> None:
        if moment == "write":
            arguments[0].write(b"\x93NUMPY")
        raise KeyboardInterrupt

    cache = InnerCV(training_task(), settings(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(*((inner_cv, "fit") if moment == "fit" else (np, "save")), interrupt)
        with pytest.raises(KeyboardInterrupt):
            cache.out_of_fold_predictions(LINEAR, {1, 2})
    assert list(tmp_path.iterdir()) == []
    assert cache.out_of_fold_predictions(LINEAR, {1, 2}).equals(
        unaltered.out_of_fold_predictions(LINEAR, {1, 2})
    )


@pytest.mark.parametrize("configuration", [LINEAR, HEAD])
def test_the_same_seed_gives_the_same_predictions_and_another_member_others(
    unaltered: InnerCV, tmp_path: Path, configuration: Configuration
) -> None:
    expected = of_folds(unaltered.out_of_fold_predictions(configuration, {1, 2}), 1, 2)
    again = InnerCV(training_task(), settings(), tmp_path / "again")
    np.testing.assert_array_equal(
        of_folds(again.out_of_fold_predictions(configuration, {1, 2}), 1, 2), expected
    )
    assert not np.array_equal(
        of_folds(again.out_of_fold_predictions(configuration, {1, 2}, member=1), 1, 2), expected
    )
    # a member's weights start where the next seed's do
    next_ = InnerCV(training_task(), settings(seed=21), tmp_path / "next")
    np.testing.assert_array_equal(
        of_folds(next_.out_of_fold_predictions(configuration, {1, 2}), 1, 2),
        of_folds(again.out_of_fold_predictions(configuration, {1, 2}, member=1), 1, 2),
    )


def test_the_test_fold(unaltered: InnerCV) -> None:
    assert (unaltered.folds, unaltered.test_fold) == ([1, 2, 3], 1)
    without = dataset()
    without = without.where(without.rows["fold"].ne(1))
    inner_cv_without = InnerCV(training_task(without), settings(), unaltered.cache)
    inner_folds = inner_cv_without.inner_folds(None)
    assert (inner_cv_without.folds, inner_cv_without.test_fold, inner_folds) == (
        [2, 3],
        None,
        [2, 3],
    )


def test_the_mean_over_folds_counts_each_fold_alike() -> None:
    rows = dataset().rows.assign(true="sad")
    right = rows["fold"].eq(1)
    probabilities = np.where(right.to_numpy()[:, None], np.eye(8)[3], np.eye(8)[4])
    predictions = rows.assign(**dict(zip(PROBABILITIES, probabilities.T, strict=True)))
    assert mean_uar(predictions) == pytest.approx(1 / 3)
    assert mean_uar(predictions[~right | rows["actor"].eq("01")]) == pytest.approx(1 / 3)


def test_the_cache_holds_this_search_s_fits_alone(tmp_path: Path) -> None:
    project = Project(tmp_path)

    def cache_folder(settings: Settings, data: Dataset | None = None) -> Path:
        return open_cache(project, settings, training_task(data)).cache

    def fingerprints() -> list[str]:
        return [folder.name for folder in (tmp_path / ".avemo" / "fits" / "audio").iterdir()]

    first = cache_folder(settings())
    first.mkdir(parents=True)
    (first / "a.npy").touch()
    # more trials and members go on from those there are; no figure's interval alters a fit
    several = settings(trials=9, members=5)
    assert cache_folder(several) == first
    more = several.evaluation.model_copy(update={"resamples": 1000})
    assert cache_folder(several.model_copy(update={"evaluation": more})) == first
    assert (first / "a.npy").exists()
    others = [
        (settings(seed=21), None),
        (settings(epochs=3), None),
        (settings(), alter_fold(dataset(), 2, seed=1)),
    ]
    for other_settings, data in others:
        before = fingerprints()
        other = cache_folder(other_settings, data)
        assert other.name not in before
        assert fingerprints() == []
        other.mkdir()
