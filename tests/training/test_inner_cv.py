"""No fit hears what it is asked about, and each is made once."""

import numpy as np
import pytest
from helpers.training_task import HEAD, LINEAR, altered, dataset, settings, task
from hypothesis import Phase, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from avemo.evaluation import metrics
from avemo.paths import Project
from avemo.training import inner_cv as module
from avemo.training.inner_cv import Folds, kept

pytestmark = pytest.mark.slow


@pytest.fixture
def fitted(monkeypatch):
    """The sizes of what was fitted to, one a fit."""
    made = []

    def counted(network, train, *arguments, **options):
        made.append(len(train))
        return original(network, train, *arguments, **options)

    original = module.fit
    monkeypatch.setattr(module, "fit", counted)
    return made


@pytest.fixture(scope="module")
def unaltered(tmp_path_factory):
    return Folds(task(), settings(), tmp_path_factory.mktemp("unaltered"))


def of(answers, *folds):
    """Some folds' answers."""
    return metrics.probabilities(answers[answers["fold"].isin(folds)])


# no shrinking: each example is a fit
@hypothesis(deadline=None, max_examples=4, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32), values=st.sampled_from([LINEAR, HEAD]))
def test_what_is_held_is_not_learnt_from(unaltered, tmp_path_factory, seed, values):
    data = altered(altered(altered(dataset(), 1, seed), 2, seed), 1, seed, features=True)
    assert (data.rows["emotion"] != dataset().rows["emotion"]).any()
    other = Folds(task(data), settings(), tmp_path_factory.mktemp("altered"))
    found, expected = (each.answers(values, {1, 2}) for each in (other, unaltered))
    np.testing.assert_array_equal(of(found, 2), of(expected, 2))
    assert not np.array_equal(of(found, 1), of(expected, 1))
    assert (
        found["true"].tolist()
        == data.where(data.rows["fold"].isin([1, 2])).rows["emotion"].tolist()
    )


@pytest.mark.parametrize("features", [False, True])
def test_what_is_not_held_is(unaltered, tmp_path, features):
    other = Folds(task(altered(dataset(), 3, 1, features=features)), settings(), tmp_path)
    found, expected = (each.answers(LINEAR, {1, 2}) for each in (other, unaltered))
    assert not np.array_equal(of(found, 1, 2), of(expected, 1, 2))


@pytest.mark.parametrize("test", [1, 3, None])
def test_the_inner_folds_are_judged_and_no_other(unaltered, test):
    done = []
    found = unaltered.judged(LINEAR, test, lambda: done.append(1))
    inner = [fold for fold in (1, 2, 3) if fold != test]
    assert unaltered.inner(test) == inner
    assert len(done) == len(inner)
    rows = dataset().rows
    expected = rows[rows["fold"].isin(inner)]
    assert sorted(found["performance"]) == expected["performance"].tolist()
    assert found.columns.tolist() == [
        *("performance", "actor", "fold", "part", "true"),
        *metrics.PROBABILITIES,
    ]
    joined = found.merge(rows, on="performance", suffixes=("", "_was"))
    for name, was in (("true", "emotion"), ("fold", "fold_was"), ("actor", "actor_was")):
        assert joined[name].tolist() == joined[was].tolist()


def test_answers_stand_beside_the_performances_that_they_are_of(tmp_path):
    found = Folds(task(), settings(epochs=20), tmp_path).answers(LINEAR, {1, 2})
    assert module.uar(found) > 0.5  # by chance: one in eight


def test_each_fit_is_made_once(tmp_path, fitted):
    folds = Folds(task(), settings(epochs=1), tmp_path)
    first = folds.judged(LINEAR, 1)
    assert fitted == [32, 32]  # without folds 1 and 2, without 1 and 3
    folds.judged(LINEAR, 2)
    folds.judged(LINEAR, 3)
    assert len(fitted) == 3  # without 2 and 3; the others were there
    again = Folds(task(), settings(epochs=1), tmp_path)
    assert again.judged(dict(reversed(LINEAR.items())), 1).equals(first)
    again.answers(LINEAR, [2, 1])
    assert len(fitted) == 3
    again.answers(LINEAR, {1})
    again.answers(LINEAR, {1}, member=1)
    assert fitted[3:] == [64, 64]
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("moment", ["fit", "write"])
def test_a_fit_that_was_stopped_leaves_nothing(unaltered, tmp_path, monkeypatch, moment):
    def stopped(*arguments, **options):
        if moment == "write":
            arguments[0].write(b"\x93NUMPY")
        raise KeyboardInterrupt

    folds = Folds(task(), settings(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(*((module, "fit") if moment == "fit" else (module.np, "save")), stopped)
        with pytest.raises(KeyboardInterrupt):
            folds.answers(LINEAR, {1, 2})
    assert list(tmp_path.iterdir()) == []
    assert folds.answers(LINEAR, {1, 2}).equals(unaltered.answers(LINEAR, {1, 2}))


@pytest.mark.parametrize("values", [LINEAR, HEAD])
def test_the_same_seed_gives_the_same_answers_and_another_member_others(
    unaltered, tmp_path, values
):
    expected = of(unaltered.answers(values, {1, 2}), 1, 2)
    again = Folds(task(), settings(), tmp_path / "again")
    np.testing.assert_array_equal(of(again.answers(values, {1, 2}), 1, 2), expected)
    assert not np.array_equal(of(again.answers(values, {1, 2}, member=1), 1, 2), expected)
    # a member's weights start where the next seed's do
    next_ = Folds(task(), settings(seed=21), tmp_path / "next")
    np.testing.assert_array_equal(
        of(next_.answers(values, {1, 2}), 1, 2),
        of(again.answers(values, {1, 2}, member=1), 1, 2),
    )


def test_the_test_fold(unaltered):
    assert (unaltered.all, unaltered.test) == ([1, 2, 3], 1)
    without = dataset()
    without = without.where(without.rows["fold"].ne(1))
    left = Folds(task(without), settings(), unaltered.folder)
    assert (left.all, left.test, left.inner(left.test)) == ([2, 3], None, [2, 3])


def test_the_mean_over_folds_counts_each_fold_alike():
    rows = dataset().rows.assign(true="sad")
    right = rows["fold"].eq(1)
    sure = np.where(right.to_numpy()[:, None], np.eye(8)[3], np.eye(8)[4])
    table = rows.assign(**dict(zip(metrics.PROBABILITIES, sure.T, strict=True)))
    assert module.uar(table) == pytest.approx(1 / 3)
    assert module.uar(table[~right | rows["actor"].eq(1)]) == pytest.approx(1 / 3)


def test_only_what_belongs_to_this_search_is_kept(tmp_path):
    project = Project(tmp_path)

    def folder(chosen, data=None):
        return kept(project, chosen, task(data)).folder

    def there():
        return [each.name for each in (tmp_path / ".avemo" / "fits" / "audio").iterdir()]

    first = folder(settings())
    first.mkdir(parents=True)
    (first / "a.npy").touch()
    # more trials and members go on from those there are; no figure's interval alters a fit
    several = settings(trials=9, members=5)
    assert folder(several) == first
    more = several.evaluation.model_copy(update={"resamples": 1000})
    assert folder(several.model_copy(update={"evaluation": more})) == first
    assert (first / "a.npy").exists()
    others = [
        (settings(seed=21), None),
        (settings(epochs=3), None),
        (settings(), altered(dataset(), 2, seed=1)),
    ]
    for chosen, data in others:
        before = there()
        now = folder(chosen, data)
        assert now.name not in before
        assert there() == []
        now.mkdir()
