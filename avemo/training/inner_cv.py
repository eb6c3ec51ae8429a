"""Each configuration's answers on folds that it was not trained on; each is fitted once.

A fit is named by its configuration and by the folds that it does not see. The one that sees neither
fold 1 nor fold 2 judges a configuration on fold 2 where fold 1 is the test part, and on fold 1
where fold 2 is. What is finished is kept, so that a killed stage picks up from there.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets import Dataset
from ..evaluation import metrics
from ..evaluation.predictions import predictions_frame
from ..io import atomic_write
from ..paths import Project
from ..settings import Settings
from .fit import deterministic, fit, prepared
from .task import Task, identity

__all__ = ["Folds", "kept", "uar"]

Values = Mapping[str, Any]


class Folds:
    """A task's fits.

    Args:
        task: what is fitted to
        settings: how long, and the seed
        folder: where answers are kept; of this task and these settings alone
    """

    def __init__(self, task: Task, settings: Settings, folder: Path) -> None:
        self.task = task
        self.settings = settings
        self.folder = folder

    @property
    def all(self) -> list[int]:
        """Every fold that has performances."""
        return sorted({int(fold) for fold in self.task.data.rows["fold"]})

    @property
    def test(self) -> int | None:
        """The fold that is the test part; None where it has no performance."""
        rows = self.task.data.rows
        found = rows.loc[rows["part"].eq("test"), "fold"]
        return int(found.iloc[0]) if len(found) else None

    def inner(self, test: int | None) -> list[int]:
        """The folds that may be chosen by where one is the test part."""
        return [fold for fold in self.all if fold != test]

    def judged(
        self, values: Values, test: int | None, done: Callable[[], None] = lambda: None
    ) -> pd.DataFrame:
        """A configuration's answers on each inner fold, as `metrics` takes them.

        Args:
            values: the configuration
            test: the fold that nothing is learnt from
            done: called after each fold
        """
        tables = []
        for fold in self.inner(test):
            found = self.answers(values, {fold} if test is None else {fold, test})
            tables.append(found[found["fold"].eq(fold)])
            done()
        return pd.concat(tables, ignore_index=True)

    def answers(self, values: Values, held: Collection[int], member: int = 0) -> pd.DataFrame:
        """A configuration's answers on folds that it was not trained on.

        Args:
            values: the configuration
            held: the folds
            member: another number starts from other random weights
        """
        name = json.dumps([sorted(values.items()), sorted(held), member])
        file = self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.npy"
        data = self.task.data
        unseen = data.where(data.rows["fold"].isin(held))
        if not file.exists():
            found = self._fitted(values, data.where(~data.rows["fold"].isin(held)), unseen, member)
            with atomic_write(file) as beside, beside.open("wb") as stream:
                np.save(stream, found)
        return predictions_frame(unseen, np.load(file))

    def _fitted(
        self, values: Values, train: Dataset, unseen: Dataset, member: int
    ) -> np.ndarray[Any, Any]:
        task, settings = self.task, self.settings
        search = getattr(settings.search, task.modality)
        preprocessors = task.prepare(train)
        deterministic(settings.seed + member)
        networks = task.networks(preprocessors)
        network = networks.build_from(dict(values))
        fit(
            network,
            train,
            preprocessors,
            augmentation=networks.augmentation_for(dict(values)),
            epochs=settings.search.budget_of(task.modality).epochs,
            batch_size=search.batch_size,
            seed=settings.seed + member,
        )
        network = networks.with_tta(network, values["architecture"])
        own = {name: preprocessors[name] for name in network.input}
        return np.asarray(network.predict(prepared(unseen, own), batch_size=64, verbose=0))


def kept(project: Project, settings: Settings, task: Task) -> Folds:
    """The fits of a task so far; those for other data, settings or code are dropped."""
    folder = project.scratch / "fits" / task.modality / identity(project, settings, task)
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other)
    return Folds(task, settings, folder)


def uar(predictions: pd.DataFrame) -> float:
    """The mean over folds of the unweighted average recall on each."""
    scores = [
        metrics.uar(rows["true"], metrics.predicted(rows))
        for _, rows in predictions.groupby("fold")
    ]
    return float(np.mean(scores))
