"""Strictly nested predictions, which a fusion with many parameters is fitted to.

For a fusion that is tested on a fold, the unimodal models' predictions that it is fitted to must
come from models that saw neither the tested fold nor the fold that they predict. Ordinary
out-of-fold predictions come from models that saw the tested fold: its actors' labels reach the
fusion through them, and whatever has many parameters takes them for more certain than they are.
"""

import logging
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from ..datasets import Dataset
from ..evaluation import calibration
from ..modalities import UNIMODAL, Unimodal
from ..paths import Project
from ..records import Configuration, SearchResult
from ..settings import Settings
from . import fusion
from .ensemble_selection import average_predictions
from .inner_cv import InnerCV, open_cache, open_folder
from .task import TrainingTask, load_task

__all__ = ["FusionCV", "NestedPredictions", "open_fusion_cache"]

log = logging.getLogger(__name__)


class NestedPredictions:
    """Predictions of one modality's selected ensemble, by fits that are made where there are none.

    Args:
        inner_cv: the modality's fits
        search_result: whose members and temperature are taken
    """

    def __init__(self, inner_cv: InnerCV, search_result: SearchResult) -> None:
        self._inner_cv = inner_cv
        self._search_result = search_result

    def predict(self, unseen_folds: Collection[int]) -> pd.DataFrame:
        """Return the predictions of each other fold, by models that saw none of these nor it."""
        members = self._search_result.members
        tables = []
        for fold in self._inner_cv.folds:
            if fold in unseen_folds:
                continue
            unseen = {fold, *unseen_folds}
            predictions = [
                self._inner_cv.out_of_fold_predictions(configuration, unseen)
                for configuration in members
            ]
            mean = average_predictions(predictions)
            tables.append(mean[mean["fold"].eq(fold)])
        temperature = self._search_result.temperature or 1.0
        return calibration.apply_temperature(pd.concat(tables, ignore_index=True), temperature)


class FusionCV(InnerCV):
    """The fits of a fusion, of which `stacking` is fitted to strictly nested predictions.

    Args:
        task: what is fitted
        settings: of the search, and the seed
        cache: the folder of predictions, of this task and these settings alone
        project: where the unimodal models' features and search results are, which are read when
            they are first needed
    """

    def __init__(
        self, task: TrainingTask, settings: Settings, cache: Path, project: Project
    ) -> None:
        super().__init__(task, settings, cache)
        self._project = project
        self._nested: dict[Unimodal, NestedPredictions] = {}

    def training_set(self, configuration: Configuration, unseen_folds: Collection[int]) -> Dataset:
        """Return what a configuration is fitted to, as `InnerCV` does."""
        train = super().training_set(configuration, unseen_folds)
        if configuration["architecture"] != fusion.STACKING:
            return train
        predictions = {
            modality: self._open(modality).predict(unseen_folds) for modality in UNIMODAL
        }
        return fusion.replace_log_probabilities(train, predictions)

    def _open(self, modality: Unimodal) -> NestedPredictions:
        if modality not in self._nested:
            log.info(
                f"{fusion.STACKING}: fits the {modality} model anew for each pair of inner folds"
            )
            task = load_task(self._project, self.settings, modality)
            search_result = SearchResult.read(self._project.search_result(modality))
            inner_cv = open_cache(self._project, self.settings, task)
            self._nested[modality] = NestedPredictions(inner_cv, search_result)
        return self._nested[modality]


def open_fusion_cache(project: Project, settings: Settings, task: TrainingTask) -> FusionCV:
    """Return a fusion's fits so far; those for other data, settings or code are removed."""
    return FusionCV(task, settings, open_folder(project, settings, task), project)
