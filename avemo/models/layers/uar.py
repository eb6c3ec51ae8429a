"""Unweighted average recall, while training."""

from typing import Any

import keras
from keras import ops

from ...emotions import EMOTIONS

__all__ = ["UAR"]


class UAR(keras.metrics.Metric):  # type: ignore[misc]
    """The mean over the emotions of the share of its clips that were recognised.

    An emotion without a clip does not count.
    """

    def __init__(self, name: str = "uar", **more: Any) -> None:
        super().__init__(name=name, **more)
        self.right = self.add_weight(shape=(len(EMOTIONS),), initializer="zeros", name="right")
        self.all = self.add_weight(shape=(len(EMOTIONS),), initializer="zeros", name="all")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; weights are for the loss and do not matter here.

        Args:
            y_true: one-hot [shape=(clips, emotions)]
            y_pred: probabilities [shape=(clips, emotions)]
            sample_weight: not used
        """
        true = ops.cast(ops.argmax(y_true, axis=-1), "int32")
        one_hot = ops.one_hot(true, len(EMOTIONS))
        hit = ops.cast(ops.equal(true, ops.cast(ops.argmax(y_pred, axis=-1), "int32")), "float32")
        self.right.assign_add(ops.sum(one_hot * hit[:, None], axis=0))
        self.all.assign_add(ops.sum(one_hot, axis=0))

    def result(self) -> Any:
        """Between 0 and 1."""
        present = ops.cast(self.all > 0, "float32")
        recall = self.right / ops.maximum(self.all, 1)
        return ops.sum(recall) / ops.maximum(ops.sum(present), 1)
