"""Stacking is fitted to answers of models that saw neither the tested fold nor the one answered."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.training_task import tracked_project
from helpers.two_modalities import (
    CONFIGURATIONS,
    make_two_modality_project,
    search_both,
    searched_project,
    write_features,
)

from avemo.config import load_settings
from avemo.corpus import split
from avemo.evaluation import calibration
from avemo.modalities import UNIMODAL
from avemo.models.end_to_end import feature_name
from avemo.records import Configuration, Trial
from avemo.settings import Settings
from avemo.tracking import runs
from avemo.training import fusion, stacking
from avemo.training.inner_cv import open_cache
from avemo.training.nested import FusionCV, open_fusion_cache
from avemo.training.objective import create_objective
from avemo.training.task import load_task

pytestmark = pytest.mark.slow

STACKING: Configuration = {"architecture": fusion.STACKING}
LATE: Configuration = {"architecture": fusion.LATE}


class Searched:
    """A project of two modalities, both searched."""

    def __init__(self, root: Path) -> None:
        self.project = make_two_modality_project(root)
        self.settings: Settings = load_settings(self.project.root)
        self.results = search_both(self.project, self.settings)

    def fits(self) -> FusionCV:
        task = load_task(self.project, self.settings, "fused")
        return open_fusion_cache(self.project, self.settings, task)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    root = tmp_path_factory.mktemp("tracked")
    with tracked_project(root):
        yield Searched(root / "project")


def performances_of(folds: "pd.Series[int]", *numbers: int) -> list[str]:
    return [str(name) for name in folds.index[folds.isin(numbers)]]


def test_the_predictions_are_of_models_that_saw_none_of_the_three_folds(
    searched: Searched,
) -> None:
    train = searched.fits().training_set(STACKING, {1, 2})
    folds = train.rows.set_index("performance")["fold"]
    assert sorted(set(folds)) == [3, 4]
    for modality in UNIMODAL:
        task = load_task(searched.project, searched.settings, modality)
        inner_cv = open_cache(searched.project, searched.settings, task)
        arrays = dict(
            zip(
                train.rows["performance"],
                train.features[feature_name(modality)],
                strict=True,
            )
        )
        for fold in (3, 4):
            expected = inner_cv.out_of_fold_predictions(CONFIGURATIONS[modality], {1, 2, fold})
            temperature = searched.results[modality].temperature or 0
            expected = calibration.apply_temperature(expected, temperature)
            logarithms = stacking.log_probabilities(expected)
            for performance in performances_of(folds, fold):
                np.testing.assert_array_equal(arrays[performance], logarithms[performance])


def test_late_is_fitted_to_the_search_s_own_predictions(searched: Searched) -> None:
    fits = searched.fits()
    train = fits.training_set(LATE, {1, 2})
    for name in fusion.stacking_preprocessors(8):
        rows = fits.task.data.where(fits.task.data.rows["fold"].isin([3, 4]))
        np.testing.assert_array_equal(train.features[name], rows.features[name])


def test_what_stacking_learns_depends_on_no_unseen_fold(
    searched: Searched, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The features of folds 1 and 2 are others; the selected members and temperatures stay."""
    root = tmp_path_factory.mktemp("altered")
    altered = make_two_modality_project(root / "project")
    rows = split.read(altered.split)
    rows["actor"] = rows["performance"].str[-2:].astype(int)
    write_features(altered, rows, altered_fold=2)
    for modality, result in searched.results.items():
        folder = altered.search(modality)
        folder.mkdir(parents=True)
        original = searched.project.search(modality)
        (folder / stacking.PREDICTIONS).write_bytes((original / stacking.PREDICTIONS).read_bytes())
        result.write(altered.search_result(modality))
    task = load_task(altered, searched.settings, "fused")
    other = open_fusion_cache(altered, searched.settings, task).training_set(STACKING, {1, 2})
    train = searched.fits().training_set(STACKING, {1, 2})
    for name in fusion.stacking_preprocessors(8):
        np.testing.assert_array_equal(train.features[name], other.features[name])
    seen = searched.fits().training_set(STACKING, {1, 3})
    changed = open_fusion_cache(altered, searched.settings, task).training_set(STACKING, {1, 3})
    for name in fusion.stacking_preprocessors(8):
        assert not np.array_equal(seen.features[name], changed.features[name])


def test_a_pair_of_folds_is_fitted_once(searched: Searched) -> None:
    fits = searched.fits()
    fits.inner_predictions(STACKING, 1)
    for modality in UNIMODAL:
        task = load_task(searched.project, searched.settings, modality)
        cache = open_cache(searched.project, searched.settings, task).cache
        before = {file: file.stat().st_mtime_ns for file in cache.glob("*.npy")}
        # the search: each of three inner folds; nested: each pair of them
        assert len(before) == 3 + len(list(combinations(range(3), 2)))
        searched.fits().training_set(STACKING, {1, 4})
        after = {file: file.stat().st_mtime_ns for file in cache.glob("*.npy")}
        assert after == before


def test_the_search_compares_both(searched: Searched, tmp_path: Path) -> None:
    project = searched.project
    task = load_task(project, searched.settings, "fused")
    assert task.architectures == ["late", "stacking"]
    objective = create_objective(project, searched.settings, task)
    trials = [
        Trial(
            run_id="-",
            hyperparameters=values,
            val_uar=objective.evaluate(values, lambda: None)["val_uar"],
        )
        for values in (LATE, STACKING)
    ]
    with runs.run(project, searched.settings, "search-fused", "fused", "search"):
        ensemble = objective.select(trials, tmp_path)
    compared = pd.read_csv(tmp_path / stacking.COMPARISON)
    assert list(compared["system"].unique()) == ["audio", "visual", "late", "stacking"]
    assert set(compared["fold"]) == {2, 3, 4}
    choice = ensemble.fusion
    assert choice is not None
    assert choice.gain is not None
    assert choice.challenger == "stacking"
    expected = STACKING if choice.gain.positive else LATE
    assert ensemble.members == [expected]


def test_with_two_inner_folds_stacking_is_skipped(tmp_path: Path) -> None:
    with searched_project(tmp_path, folds=3) as project:
        task = load_task(project, load_settings(project.root), "fused")
        assert task.architectures == ["late"]
        assert task.skipped == {"stacking": "it takes 3 inner folds, and there are 2"}
