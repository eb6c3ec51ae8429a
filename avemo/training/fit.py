"""How one configuration is fitted."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..corpus.ravdess import EMOTIONS
from ..models.hypermodel import Variation
from ..models.inputs import Preparation
from .batches import Batches
from .data import Dataset

__all__ = ["deterministic", "fit", "prepared"]


def deterministic(seed: int) -> None:
    """Make what follows the same each time, on one machine."""
    import tensorflow

    keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()


def prepared(data: Dataset, preparations: Mapping[str, Preparation]) -> dict[str, Any]:
    """A network's inputs, by name."""
    return {name: one.apply(data.features[name]) for name, one in preparations.items()}


def fit(
    model: keras.Model,
    train: Dataset,
    valid: Dataset | None,
    preparations: Mapping[str, Preparation],
    *,
    variation: Variation,
    epochs: int,
    batch_size: int,
    seed: int,
    patience: int | None = None,
) -> pd.DataFrame:
    """Fit a model.

    With `patience` it ends when the validation loss has not fallen for as many epochs, and the best
    epoch is kept. Without, or without a validation part, all epochs are run while the learning rate
    falls along half a cosine, and the last is kept: nothing is chosen by the validation part.

    Args:
        model: compiled; `deterministic` was called before it was built
        train: what is learnt from
        valid: what the model is held against after each epoch; None where there is nothing
        preparations: of the model's inputs, and maybe of others
        variation: how what is learnt from changes from epoch to epoch
        epochs: at most
        batch_size: clips
        seed: of the order and of what is drawn
        patience: epochs

    Returns:
        one row an epoch: epoch, loss, uar and, with a validation part, val_loss, val_uar
    """
    if not len(train):  # it stays what it begins with
        return pd.DataFrame({"epoch": []})
    own = {name: preparations[name] for name in model.input}
    held = _examples(valid, own) if valid else None
    if patience and held:
        pace: keras.callbacks.Callback = keras.callbacks.EarlyStopping(
            "val_loss", patience=patience, restore_best_weights=True, mode="min"
        )
    else:
        full = float(model.optimizer.learning_rate)
        pace = keras.callbacks.LearningRateScheduler(
            lambda epoch, _: full * (1 + math.cos(math.pi * epoch / epochs)) / 2
        )
    history = model.fit(
        Batches(train, own, variation, size=batch_size, seed=seed),
        validation_data=held,
        epochs=epochs,
        callbacks=[pace],
        shuffle=False,
        verbose=0,
    )
    table = pd.DataFrame(history.history).drop(columns="learning_rate", errors="ignore")
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table


def _examples(data: Dataset, preparations: Mapping[str, Preparation]) -> tuple[Any, Any]:
    targets = np.eye(len(EMOTIONS), dtype="f")[data.labels]
    return prepared(data, preparations), targets
