"""What an epoch learns from, a batch at a time: shuffled, drawn among copies, and mixed anew."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..datasets import Dataset
from ..emotions import EMOTIONS
from ..models.hypermodel import Augmentation
from ..models.preprocessing import Preprocessor

__all__ = ["Batches"]

Array = np.ndarray[Any, Any]
Batch = tuple[dict[str, Array], Array, Array]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """A dataset as Keras takes it. Each emotion weighs the same, however many clips it has.

    What is drawn depends on the seed and on the number of the epoch, and on nothing else.

    Args:
        data: the clips
        preprocessors: of each input of the network
        augmentation: what changes from epoch to epoch
        size: clips in a batch
        seed: of the order and of what is drawn

    Source:
        mixup: H. Zhang et al.: mixup: beyond empirical risk minimization. ICLR 2018
    """

    def __init__(
        self,
        data: Dataset,
        preprocessors: Mapping[str, Preprocessor],
        augmentation: Augmentation,
        *,
        size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.data = data
        self.preprocessors = preprocessors
        self.augmentation = augmentation
        self.size = size
        self.seed = seed
        self.epoch = 0
        labels = data.labels
        self.targets = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
        present, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
        self.weights = (len(labels) / (len(present) * counts))[places].astype(np.float32)

    def __len__(self) -> int:
        return -(-len(self.data) // self.size)

    def on_epoch_end(self) -> None:
        """Go on to what the next epoch draws."""
        self.epoch += 1

    def __getitem__(self, index: int) -> Batch:
        """Inputs by name, targets and weights of one batch of this epoch."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.data))
        rows = order[index * self.size : (index + 1) * self.size]
        draw = np.random.default_rng([self.seed, self.epoch, index])
        inputs = {
            name: one.apply(self._drawn(name, rows, draw))
            for name, one in self.preprocessors.items()
        }
        batch = inputs, self.targets[rows], self.weights[rows]
        return _mixed(batch, self.augmentation.mixup, draw) if self.augmentation.mixup else batch

    def _drawn(self, name: str, rows: Array, draw: np.random.Generator) -> Sequence[Array]:
        """A feature of some clips, or in its place that of one of their copies."""
        copies = self.augmentation.copies.get(name, ())
        known = [self.data.features[feature] for feature in (name, *copies)]
        picks = draw.integers(len(known), size=len(rows))
        return [known[pick][row] for pick, row in zip(picks, rows, strict=True)]


def _mixed(batch: Batch, concentration: float, draw: np.random.Generator) -> Batch:
    """Each clip with another of the batch, in shares drawn from a beta distribution."""
    inputs, targets, weights = batch
    share = draw.beta(concentration, concentration, len(targets)).astype(np.float32)
    other = draw.permutation(len(targets))

    def mix(values: Array) -> Array:
        own = share.reshape(-1, *[1] * (values.ndim - 1))
        mixed: Array = own * values + (1 - own) * values[other]
        return mixed

    return {name: mix(each) for name, each in inputs.items()}, mix(targets), mix(weights)
