"""How one configuration is fitted."""

from typing import Any

import keras
import numpy as np
import pandas as pd

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


def prepared(data: Dataset, preparations: dict[str, Preparation]) -> dict[str, Any]:
    """The network's inputs."""
    return {name: made.apply(data.features[name]) for name, made in preparations.items()}


def fit(
    model: keras.Model,
    train: Examples,
    valid: Examples | None,
    *,
    epochs: int,
    patience: int,
    batch_size: int,
    callbacks: list[keras.callbacks.Callback] | None = None,
) -> pd.DataFrame:
    """Fit until the validation loss has not fallen for some epochs, and keep the best epoch.

    Each emotion weighs the same, however many clips it has. Without a validation part all epochs
    are run and the last is kept.

    Args:
        train: inputs, of which the model takes its own, and labels
        valid: likewise; None where the part holds no performance

    Returns:
        one row an epoch: epoch, loss, uar and, with a validation part, val_loss, val_uar
    """

    def own(examples: Examples) -> Examples:
        inputs, labels = examples
        return {name: inputs[name] for name in model.input}, labels

    inputs, labels = own(train)
    present, counts = np.unique(labels, return_counts=True)
    weights = len(labels) / (len(present) * counts)
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=patience, restore_best_weights=True, mode="min"
    )
    history = model.fit(
        inputs,
        labels,
        validation_data=own(valid) if valid else None,
        epochs=epochs,
        batch_size=batch_size,
        class_weight=dict(zip(present.tolist(), weights.tolist(), strict=True)),
        callbacks=[*(callbacks or []), *([stop] if valid else [])],
        verbose=0,
    )
    table = pd.DataFrame(history.history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table
