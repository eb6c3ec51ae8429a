"""How one configuration is fitted."""

import math
from collections.abc import Mapping

import keras
import pandas as pd

from ..datasets import Array, Dataset
from ..models.architecture import Solver
from ..models.hypermodel import Augmentation
from ..models.preprocessing import Preprocessor
from .batches import Batches

__all__ = ["fit", "make_deterministic", "network_inputs"]


def make_deterministic(seed: int) -> None:
    """Make what is built and fitted afterwards the same each time, on one machine."""
    import tensorflow

    keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()


def network_inputs(data: Dataset, preprocessors: Mapping[str, Preprocessor]) -> dict[str, Array]:
    """Return a network's inputs by name [shape=(clips, ...)]."""
    return {
        name: preprocessor.apply(data.features[name])
        for name, preprocessor in preprocessors.items()
    }


def fit(
    model: keras.Model,
    train: Dataset,
    preprocessors: Mapping[str, Preprocessor],
    *,
    augmentation: Augmentation,
    epochs: int,
    batch_size: int,
    seed: int,
    solver: Solver | None = None,
) -> pd.DataFrame:
    """Fit a model: by its solver, or by gradient descent.

    In gradient descent the learning rate falls along half a cosine, and the last epoch's weights
    stay.

    Args:
        model: compiled, and built after `make_deterministic` was called
        train: the training set; if it is empty, the model stays as it was initialised
        preprocessors: of the model's inputs, and maybe of others
        augmentation: how the training examples differ from epoch to epoch
        epochs: how many
        batch_size: clips in a batch
        seed: of the order and of the augmentation
        solver: of the model's architecture, if it has one

    Returns:
        a row an epoch: epoch, loss, uar; none where the model was fitted at once
    """
    no_epochs = pd.DataFrame({"epoch": []})
    if not len(train):
        return no_epochs
    inputs = {name: preprocessors[name] for name in model.input}
    if solver:
        solver(model, network_inputs(train, inputs), train.labels)
        return no_epochs
    initial_rate = float(model.optimizer.learning_rate)
    schedule = keras.callbacks.LearningRateScheduler(
        lambda epoch, _: initial_rate * (1 + math.cos(math.pi * epoch / epochs)) / 2
    )
    history = model.fit(
        Batches(train, inputs, augmentation, size=batch_size, seed=seed),
        epochs=epochs,
        callbacks=[schedule],
        shuffle=False,
        verbose=0,
    )
    table = pd.DataFrame(history.history).drop(columns="learning_rate", errors="ignore")
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table
