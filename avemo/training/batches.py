"""The batches of an epoch: shuffled, drawn among altered copies, and mixed anew in each epoch."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from ..datasets import Array, Dataset
from ..models.hypermodel import Augmentation
from ..models.preprocessing import Preprocessor

__all__ = ["Batches"]

#: inputs by name, targets and sample weights
Batch: TypeAlias = tuple[dict[str, Array], NDArray[np.float32], NDArray[np.float32]]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """A training set as Keras takes it, weighted so that all emotions count alike.

    What is drawn depends on the seed and the epoch's number alone.

    Args:
        data: the clips
        preprocessors: of each input of the network
        augmentation: how the training examples differ from epoch to epoch
        size: clips in a batch
        seed: of the order and of the augmentation

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
        self.targets = np.eye(len(data.classes), dtype=np.float32)[labels]
        present, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        self.weights = (len(labels) / (len(present) * counts))[codes].astype(np.float32)

    def __len__(self) -> int:
        return -(-len(self.data) // self.size)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's draws."""
        self.epoch += 1

    def __getitem__(self, index: int) -> Batch:
        """Return inputs by name, targets and sample weights of one batch of this epoch."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.data))
        rows = order[index * self.size : (index + 1) * self.size]
        random = np.random.default_rng([self.seed, self.epoch, index])
        inputs: dict[str, Array] = {
            name: preprocessor.apply(self._draw_copies(name, rows, random))
            for name, preprocessor in self.preprocessors.items()
        }
        batch = inputs, self.targets[rows], self.weights[rows]
        mixup = self.augmentation.mixup
        return _mix_up(batch, mixup, random) if mixup else batch

    def _draw_copies(
        self, feature: str, rows: NDArray[np.int64], random: np.random.Generator
    ) -> Sequence[Array]:
        """Return a feature of some clips, each of the clip itself or of one of its copies."""
        copies = (feature, *self.augmentation.copies.get(feature, ()))
        arrays = [self.data.features[name] for name in copies]
        draws = random.integers(len(arrays), size=len(rows))
        return [arrays[draw][row] for draw, row in zip(draws, rows, strict=True)]


def _mix_up(batch: Batch, concentration: float, random: np.random.Generator) -> Batch:
    """Mix each clip with another of the batch, in shares drawn from a beta distribution."""
    inputs, targets, weights = batch
    shares = random.beta(concentration, concentration, len(targets)).astype(np.float32)
    others = random.permutation(len(targets))

    def mix(values: NDArray[np.float32]) -> NDArray[np.float32]:
        share = shares.reshape(-1, *[1] * (values.ndim - 1))
        mixed: NDArray[np.float32] = share * values + (1 - share) * values[others]
        return mixed

    mixed_inputs: dict[str, Array] = {
        name: mix(values.astype(np.float32, copy=False)) for name, values in inputs.items()
    }
    return mixed_inputs, mix(targets), mix(weights)
