"""A fit of few weights to few clips, shrunk towards what the network answers untrained.

The untrained answers stand beside the true ones as so many further clips (pseudo-observations), so
that ten clips move such a network little and a thousand move it freely. The loss is minimised over
all clips at once, not in epochs.

Source:
    A. Gelman et al.: Bayesian data analysis. 3rd edition, Chapman & Hall 2013, 2.4 (a prior
    distribution as additional data)
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from .weighted_product import MIN_PROBABILITY

__all__ = ["PSEUDO_CLIPS", "fit_shrunk", "learnt_from_zero"]

#: how many clips the untrained answers count as: ten clips are outvoted, a corpus is not
PSEUDO_CLIPS = 100

#: of a weight: a bias, or the logarithm of a scale
_BOUND = 4.0


def fit_shrunk(
    network: keras.Model,
    inputs: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.integer],
) -> None:
    """Fit a network's trainable weights; each class that is there counts alike.

    Args:
        network: untrained
        inputs: of the training set, by feature, preprocessed
        labels: the true classes' codes [shape=(clips,)]
    """
    import tensorflow
    from scipy.optimize import minimize

    tensors = {name: ops.convert_to_tensor(inputs[name]) for name in network.input}
    untrained = np.asarray(network(tensors), np.float64)
    present, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    balance = len(labels) / (len(present) * counts[codes])
    true = balance[:, None] * np.eye(untrained.shape[1])[labels]
    targets = np.asarray(true + PSEUDO_CLIPS / len(labels) * untrained, np.float32)
    variables = list(network.trainable_variables)
    ends = np.cumsum([int(np.prod(variable.shape)) for variable in variables])

    def assign(values: NDArray[np.float64]) -> None:
        for variable, own in zip(variables, np.split(values, ends[:-1]), strict=True):
            variable.assign(own.reshape(variable.shape))

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        assign(values)
        with tensorflow.GradientTape() as tape:
            logarithms = ops.log(ops.maximum(network(tensors), MIN_PROBABILITY))
            total = -ops.sum(targets * logarithms) / len(labels)
        gradients = tape.gradient(total, [variable.value for variable in variables])
        flat = [np.asarray(gradient, np.float64).ravel() for gradient in gradients]
        return float(total), np.concatenate(flat)

    start = np.concatenate([np.asarray(variable, np.float64).ravel() for variable in variables])
    assign(minimize(loss, start, jac=True, bounds=[(-_BOUND, _BOUND)] * len(start)).x)


def learnt_from_zero(x: keras.KerasTensor, count: int) -> keras.KerasTensor:
    """Return numbers that do not depend on the clip, zero until they are fitted.

    Args:
        x: anything of the clips [shape=(clips, columns)]
        count: how many

    Returns:
        [shape=(clips, count)]
    """
    constant = ops.ones_like(x[:, :1])
    return layers.Dense(count, use_bias=False, kernel_initializer="zeros")(constant)
