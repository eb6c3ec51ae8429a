"""How one configuration is fitted."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import pandas as pd

from ..datasets import Dataset
from ..models.hypermodel import Augmentation
from ..models.preprocessing import Preprocessor
from .batches import Batches

__all__ = ["deterministic", "fit", "prepared"]


def deterministic(seed: int) -> None:
    """Make what follows the same each time, on one machine."""
    import tensorflow

    keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()


def prepared(data: Dataset, preprocessors: Mapping[str, Preprocessor]) -> dict[str, Any]:
    """A network's inputs, by name."""
    return {name: one.apply(data.features[name]) for name, one in preprocessors.items()}


def fit(
    model: keras.Model,
    train: Dataset,
    preprocessors: Mapping[str, Preprocessor],
    *,
    augmentation: Augmentation,
    epochs: int,
    batch_size: int,
    seed: int,
) -> pd.DataFrame:
    """Fit a model: the learning rate falls along half a cosine, and the last epoch is kept.

    Args:
        model: compiled; `deterministic` was called before it was built
        train: what is learnt from
        preprocessors: of the model's inputs, and maybe of others
        augmentation: how what is learnt from changes from epoch to epoch
        epochs: how many
        batch_size: clips
        seed: of the order and of what is drawn

    Returns:
        one row an epoch: epoch, loss, uar
    """
    if not len(train):  # it stays what it begins with
        return pd.DataFrame({"epoch": []})
    own = {name: preprocessors[name] for name in model.input}
    full = float(model.optimizer.learning_rate)
    pace = keras.callbacks.LearningRateScheduler(
        lambda epoch, _: full * (1 + math.cos(math.pi * epoch / epochs)) / 2
    )
    history = model.fit(
        Batches(train, own, augmentation, size=batch_size, seed=seed),
        epochs=epochs,
        callbacks=[pace],
        shuffle=False,
        verbose=0,
    )
    table = pd.DataFrame(history.history).drop(columns="learning_rate", errors="ignore")
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table
