"""The pretrained expression network's own answers, with a learnt temperature and class biases."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters

from ...pretrained.expression_mobilenet import CLASSES as EXPRESSIONS
from ...pretrained.expression_mobilenet import MEAN_FEATURE, class_shares
from ..architecture import AnswersUntrained, Branches, Tensor, Tensors
from ..shrunk_fit import learnt_from_zero
from ..weighted_product import MIN_PROBABILITY

__all__ = ["ExpressionPrior", "log_class_probabilities"]


class ExpressionPrior(AnswersUntrained):
    """Seven expressions as the task's classes; untrained, it is what that network says."""

    inputs = (MEAN_FEATURE,)
    unscaled_inputs: ClassVar[Mapping[str, int]] = {MEAN_FEATURE: len(EXPRESSIONS)}

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return the mean probabilities of a clip's expressions [shape=(clips, 7)]."""
        return layers.Flatten()(inputs[MEAN_FEATURE])

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities [shape=(clips, classes)]: at first the expressions' own."""
        learnt = learnt_from_zero(x, 1 + len(classes))
        log_scale, biases = learnt[:, :1], learnt[:, 1:]
        logarithms = log_class_probabilities(x, classes)
        return layers.Softmax(name="emotion")(ops.exp(log_scale) * logarithms + biases)


def log_class_probabilities(expressions: Tensor, classes: Sequence[str]) -> Tensor:
    """Return the logarithms of what the expression network alone says of a task's classes.

    Args:
        expressions: the mean probabilities of a clip's expressions [shape=(clips, 7)]; zeros
            without a face
        classes: the task's

    Returns:
        [shape=(clips, classes)], the same for all classes of a clip without a face
    """
    shares = class_shares(classes).astype(np.float32)
    mapping = layers.Dense(
        len(classes),
        use_bias=False,
        trainable=False,
        kernel_initializer=keras.initializers.Constant(shares),
    )
    return ops.log(ops.maximum(mapping(expressions), MIN_PROBABILITY))
