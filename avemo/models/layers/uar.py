"""Unweighted average recall as a Keras metric."""

import keras
from keras import ops

__all__ = ["UAR"]


class UAR(keras.metrics.Metric):  # type: ignore[misc]
    """The mean of the emotions' recalls; an emotion without a clip does not count.

    Args:
        classes: how many emotions there are
    """

    def __init__(self, classes: int, name: str = "uar", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.classes = classes
        self.correct = self.add_weight(shape=(classes,), initializer="zeros", name="correct")
        self.clips = self.add_weight(shape=(classes,), initializer="zeros", name="clips")

    def update_state(
        self,
        y_true: keras.KerasTensor,
        y_pred: keras.KerasTensor,
        sample_weight: keras.KerasTensor | None = None,
    ) -> None:
        """Count a batch.

        Args:
            y_true: one-hot [shape=(clips, emotions)]
            y_pred: probabilities [shape=(clips, emotions)]
            sample_weight: not used: weights are for the loss
        """
        true = ops.cast(ops.argmax(y_true, axis=-1), "int32")
        one_hot = ops.one_hot(true, self.classes)
        hit = ops.cast(ops.equal(true, ops.cast(ops.argmax(y_pred, axis=-1), "int32")), "float32")
        self.correct.assign_add(ops.sum(one_hot * hit[:, None], axis=0))
        self.clips.assign_add(ops.sum(one_hot, axis=0))

    def result(self) -> keras.KerasTensor:
        """Return the unweighted average recall, between 0 and 1."""
        has_clips = ops.cast(self.clips > 0, "float32")
        recall = self.correct / ops.maximum(self.clips, 1)
        return ops.sum(recall) / ops.maximum(ops.sum(has_clips), 1)
