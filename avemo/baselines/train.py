"""One training: a variant, learnt from one part and stopped by another."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets import Dataset
from ..settings import Settings
from .learners import Examples, Inputs, Learner, OnEpoch, Probabilities
from .variants import Variant
from .views import View, fit_view

__all__ = ["TrainedVariant", "train"]


@dataclass(frozen=True)
class TrainedVariant:
    """A variant after its training.

    Args:
        variant: that was trained
        views: by array, how clips become examples
        learner: that predicts
        history: one row an epoch, if it learns in epochs
    """

    variant: Variant
    views: dict[str, View]
    learner: Learner
    history: pd.DataFrame

    def probabilities(self, data: Dataset) -> Probabilities:
        """Return the mean probabilities of each clip's examples [shape=(clips, emotions)]."""
        x, clip_rows = _examples(self.views, data)
        sums = np.zeros((len(data), len(data.classes)))
        np.add.at(sums, clip_rows, self.learner.probabilities(x))
        return np.asarray(sums / sums.sum(axis=1, keepdims=True))


def train(
    variant: Variant, train: Dataset, valid: Dataset, settings: Settings, on_epoch: OnEpoch
) -> TrainedVariant:
    """Train a variant; what is to be tested on is no argument of this.

    Args:
        train: the views are fitted to it, too
        valid: lowers the learning rate and stops the training
        on_epoch: is called after each epoch
    """
    views = {name: fit_view(kind, train.features[name]) for name, kind in variant.views.items()}

    def examples(data: Dataset) -> Examples:
        x, clip_rows = _examples(views, data)
        return x, data.labels[clip_rows]

    learner = variant.learner(settings.baselines, settings.seed, len(train.classes))
    history = learner.fit(examples(train), examples(valid), on_epoch)
    return TrainedVariant(variant, views, learner, history)


def _examples(views: Mapping[str, View], data: Dataset) -> tuple[Inputs, NDArray[np.intp]]:
    """Return the examples of each input, and the rows of their clips, the same for all inputs."""
    examples = [view.apply(data.features[name]) for name, view in views.items()]
    return [x for x, _ in examples], examples[0][1]
