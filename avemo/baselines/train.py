"""One training: a variant, learnt from one part and stopped by another."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..datasets import Dataset
from ..emotions import EMOTIONS
from ..settings import Settings
from . import views
from .learners import Array, Examples, Inputs, Learner, OnEpoch
from .variants import Variant

__all__ = ["Model", "train"]


@dataclass(frozen=True)
class Model:
    """What was learnt.

    Args:
        variant: that it is of
        views: by array, how clips become examples
        learner: that answers for them
        history: one row an epoch, if it learns in epochs
    """

    variant: Variant
    views: dict[str, views.View]
    learner: Learner
    history: pd.DataFrame

    def probabilities(self, data: Dataset) -> Array:
        """One row of probabilities a clip: the mean over its examples [shape=(clips, emotions)]."""
        x, places = _examples(self.views, data)
        found = np.zeros((len(data), len(EMOTIONS)))
        np.add.at(found, places, self.learner.probabilities(x))
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def train(
    variant: Variant, train: Dataset, valid: Dataset, settings: Settings, on_epoch: OnEpoch
) -> Model:
    """Learn; what is to be tested on is no argument of this.

    Args:
        train: also what the views are learnt from
        valid: lowers the learning rate and stops
        on_epoch: is called after each
    """
    fitted = {name: views.fit(kind, train.features[name]) for name, kind in variant.views.items()}

    def examples(data: Dataset) -> Examples:
        x, places = _examples(fitted, data)
        return x, data.labels[places]

    learner = variant.learner(settings.baselines, settings.seed)
    history = learner.fit(examples(train), examples(valid), on_epoch)
    return Model(variant, fitted, learner, history)


def _examples(fitted: Mapping[str, views.View], data: Dataset) -> tuple[Inputs, Array]:
    """Each input's, and the places of their clips, which are the same for all inputs."""
    made = [view.apply(data.features[name]) for name, view in fitted.items()]
    return [x for x, _ in made], made[0][1]
