"""Inner cross-validation: predictions of each configuration on folds outside its training set.

A fit is identified by its configuration and by the folds that it does not see, and is made once.
The one that sees neither fold 1 nor fold 2 gives predictions of fold 2 where fold 1 is the test
part, and of fold 1 where fold 2 is. Finished fits stay in a cache, so that a killed stage resumes.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets import Dataset
from ..evaluation import metrics
from ..evaluation.predictions import predictions_frame
from ..io import atomic_write
from ..models.hypermodel import Architectures
from ..paths import Project
from ..records import Configuration
from ..settings import Settings
from .fit import fit, make_deterministic, network_inputs
from .reusable import ReusableNetwork
from .task import TrainingTask, fingerprint

__all__ = ["InnerCV", "mean_uar", "open_cache", "open_folder"]


class InnerCV:
    """The fits of a task, each made when its predictions are first asked for.

    Args:
        task: what is fitted
        settings: of the search, and the seed
        cache: the folder of predictions, of this task and these settings alone
    """

    def __init__(self, task: TrainingTask, settings: Settings, cache: Path) -> None:
        self.task = task
        self.settings = settings
        self.cache = cache
        self._last_network: tuple[str, ReusableNetwork] | None = None

    @property
    def folds(self) -> list[int]:
        """Every fold that has performances."""
        return sorted({int(fold) for fold in self.task.data.rows["fold"]})

    @property
    def test_fold(self) -> int | None:
        """The fold that is the test part; None where it has no performance."""
        rows = self.task.data.rows
        folds = rows.loc[rows["part"].eq("test"), "fold"]
        return int(folds.iloc[0]) if len(folds) else None

    def inner_folds(self, test_fold: int | None) -> list[int]:
        """Return the folds to choose by where one fold is the test part."""
        return [fold for fold in self.folds if fold != test_fold]

    def inner_predictions(
        self,
        configuration: Configuration,
        test_fold: int | None,
        on_fit: Callable[[], None] = lambda: None,
    ) -> pd.DataFrame:
        """Return a configuration's out-of-fold predictions of every inner fold.

        Args:
            configuration: the hyperparameters by name
            test_fold: the fold that no fit sees
            on_fit: called after each fold
        """
        tables = []
        for fold in self.inner_folds(test_fold):
            unseen = {fold} if test_fold is None else {fold, test_fold}
            predictions = self.out_of_fold_predictions(configuration, unseen)
            tables.append(predictions[predictions["fold"].eq(fold)])
            on_fit()
        return pd.concat(tables, ignore_index=True)

    def out_of_fold_predictions(
        self, configuration: Configuration, unseen_folds: Collection[int], member: int = 0
    ) -> pd.DataFrame:
        """Return a configuration's predictions of folds outside its training set.

        Args:
            configuration: the hyperparameters by name
            unseen_folds: the folds
            member: another number starts from other random weights
        """
        key = json.dumps([sorted(configuration.items()), sorted(unseen_folds), member])
        file = self.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
        data = self.task.data
        unseen = data.where(data.rows["fold"].isin(unseen_folds))
        if not file.exists():
            train = self.training_set(configuration, unseen_folds)
            probabilities = self._fit_and_predict(configuration, train, unseen, member)
            with atomic_write(file) as beside, beside.open("wb") as stream:
                np.save(stream, probabilities)
        return predictions_frame(unseen, np.load(file))

    def training_set(self, configuration: Configuration, unseen_folds: Collection[int]) -> Dataset:
        """Return what a configuration is fitted to.

        Args:
            configuration: the hyperparameters by name
            unseen_folds: the folds that the fit does not see
        """
        return self.task.data.where(~self.task.data.rows["fold"].isin(unseen_folds))

    def _fit_and_predict(
        self, configuration: Configuration, train: Dataset, unseen: Dataset, member: int
    ) -> NDArray[np.float32]:
        """Return the probabilities of the unseen clips [shape=(clips, emotions)]."""
        task, settings = self.task, self.settings
        preprocessors = task.fit_preprocessors(train)
        hypermodel = task.hypermodel(preprocessors)
        reusable = self._initial_network(hypermodel, configuration, member)
        fit(
            reusable.network,
            train,
            preprocessors,
            augmentation=hypermodel.augmentation_for(configuration),
            solver=hypermodel.solver_for(configuration),
            epochs=settings.search.budget_of(task.modality).epochs,
            batch_size=settings.search.of(task.modality).batch_size,
            seed=settings.seed + member,
        )
        predictor = reusable.predictor
        inputs = network_inputs(unseen, {name: preprocessors[name] for name in predictor.input})
        return np.asarray(predictor.predict(inputs, batch_size=64, verbose=0))

    def _initial_network(
        self, hypermodel: Architectures, configuration: Configuration, member: int
    ) -> ReusableNetwork:
        """Return a configuration's unfitted network: the last one again, if the shapes agree."""
        architecture = str(configuration["architecture"])
        shapes = {
            feature: hypermodel.preprocessors[feature].shape
            for feature in hypermodel.inputs(architecture)
        }
        key = json.dumps([sorted(configuration.items()), member, shapes])
        if self._last_network is None or self._last_network[0] != key:
            make_deterministic(self.settings.seed + member)
            network = hypermodel.build_from(configuration)
            predictor = hypermodel.with_tta(network, architecture)
            self._last_network = key, ReusableNetwork(network, predictor)
        _, reusable = self._last_network
        reusable.reset()
        return reusable


def open_cache(project: Project, settings: Settings, task: TrainingTask) -> InnerCV:
    """Return a task's fits so far; those for other data, settings or code are removed."""
    return InnerCV(task, settings, open_folder(project, settings, task))


def open_folder(project: Project, settings: Settings, task: TrainingTask) -> Path:
    """Return the folder of a task's fits; those for other data, settings or code are removed."""
    folder = project.scratch / "fits" / task.modality / fingerprint(project, settings, task)
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other)
    return folder


def mean_uar(predictions: pd.DataFrame) -> float:
    """Return the mean over folds of the unweighted average recall on each."""
    scores = [metrics.uar_of(rows) for _, rows in predictions.groupby("fold")]
    return float(np.mean(scores))
