"""How one configuration is fitted."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..corpus.ravdess import EMOTIONS
from ..models.inputs import Preparation
from .data import Dataset

__all__ = ["Examples", "deterministic", "fit", "prepared"]

#: the network's inputs by name, and the labels
Examples = tuple[dict[str, Any], Any]


def deterministic(seed: int) -> None:
    """Make what follows the same each time, on one machine."""
    import tensorflow

    keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()


def prepared(data: Dataset, preparations: Mapping[str, Preparation]) -> dict[str, Any]:
    """The network's inputs."""
    return {name: made.apply(data.features[name]) for name, made in preparations.items()}


def fit(
    model: keras.Model,
    train: Examples,
    valid: Examples | None,
    *,
    epochs: int,
    batch_size: int,
    patience: int | None = None,
    callbacks: list[keras.callbacks.Callback] | None = None,
) -> pd.DataFrame:
    """Fit a model. Each emotion weighs the same, however many clips it has.

    With `patience` it ends when the validation loss has not fallen for as many epochs, and the best
    epoch is kept. Without, or without a validation part, all epochs are run while the learning rate
    falls along half a cosine, and the last is kept: nothing is chosen by the validation part.

    Args:
        train: inputs, of which the model takes its own, and labels
        valid: likewise; None where there is none

    Returns:
        one row an epoch: epoch, loss, uar and, with a validation part, val_loss, val_uar
    """

    def own(examples: Examples) -> Examples:
        inputs, labels = examples
        return {name: inputs[name] for name in model.input}, np.eye(len(EMOTIONS), dtype="f")[
            labels
        ]

    labels = train[1]
    present, counts = np.unique(labels, return_counts=True)
    weights = len(labels) / (len(present) * counts)
    if patience and valid:
        pace: keras.callbacks.Callback = keras.callbacks.EarlyStopping(
            "val_loss", patience=patience, restore_best_weights=True, mode="min"
        )
    else:
        full = float(model.optimizer.learning_rate)
        pace = keras.callbacks.LearningRateScheduler(
            lambda epoch, _: full * (1 + math.cos(math.pi * epoch / epochs)) / 2
        )
    history = model.fit(
        *own(train),
        validation_data=own(valid) if valid else None,
        epochs=epochs,
        batch_size=batch_size,
        class_weight=dict(zip(present.tolist(), weights.tolist(), strict=True)),
        callbacks=[*(callbacks or []), pace],
        verbose=0,
    )
    table = pd.DataFrame(history.history).drop(columns="learning_rate", errors="ignore")
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table
