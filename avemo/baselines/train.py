"""One training: a variant, learnt from one part and stopped by another."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..corpus.ravdess import EMOTIONS
from ..settings import Settings
from ..training.data import Dataset
from . import views
from .learners import Array, Examples, Learner, OnEpoch
from .variants import Variant

__all__ = ["Model", "train"]


@dataclass(frozen=True)
class Model:
    """What was learnt.

    Args:
        variant: that it is of
        view: how clips become examples
        learner: that answers for them
        history: one row an epoch, if it learns in epochs
    """

    variant: Variant
    view: views.View
    learner: Learner
    history: pd.DataFrame

    def probabilities(self, data: Dataset) -> Array:
        """One row of probabilities a clip: the mean over its examples [shape=(clips, emotions)]."""
        x, places = self.view.apply(data.features[self.variant.array])
        found = np.zeros((len(data), len(EMOTIONS)))
        np.add.at(found, places, self.learner.probabilities(x))
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def train(
    variant: Variant, train: Dataset, valid: Dataset, settings: Settings, on_epoch: OnEpoch
) -> Model:
    """Learn; what is to be tested on is no argument of this.

    Args:
        train: also what the view is learnt from
        valid: lowers the learning rate and stops
        on_epoch: is called after each
    """
    view = views.fit(variant.view, train.features[variant.array])

    def examples(data: Dataset) -> Examples:
        x, places = view.apply(data.features[variant.array])
        return x, data.labels[places]

    learner = variant.learner(settings.baselines, settings.seed)
    history = learner.fit(examples(train), examples(valid), on_epoch)
    return Model(variant, view, learner, history)
