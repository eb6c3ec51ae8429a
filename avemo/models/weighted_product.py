"""The weighted product of several models' probabilities: one weight a model.

log p(c) = w_1 log p_1(c) + w_2 log p_2(c) + ..., normalised over the classes c. With the weights 1,
it is right for calibrated models that err independently of each other, where all classes are
equally frequent; with the weights 1 / models, their geometric mean, for models that all say the
same. Between the two, the weights are fitted. The weights' ratio is how much each model counts, and
their size how sure the product is.

Source:
    C. Genest, J. V. Zidek: Combining probability distributions. Statistical Science 1(1), 1986
    (logarithmic opinion pool)
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["INITIAL_WEIGHT", "MIN_PROBABILITY", "WEIGHTS_LAYER", "combine", "fit_weights"]

#: a probability of zero has no logarithm
MIN_PROBABILITY = 1e-7
#: in a network, the layer that has the weights
WEIGHTS_LAYER = "modality_weights"
#: halfway from the geometric mean of two models to their product
INITIAL_WEIGHT = 0.75
#: the squared distance from the initial weight costs half of this, where a clip costs the negative
#: logarithm of its true class's probability: a handful of clips moves no weight far
_SHRINKAGE = 10.0


def combine(
    log_probabilities: NDArray[np.floating], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the weighted product of some models' probabilities [shape=(clips, classes)].

    Args:
        log_probabilities: [shape=(clips, classes, models)]
        weights: of the models [shape=(models,)]
    """
    logits = np.asarray(log_probabilities, np.float64) @ weights
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fit_weights(
    log_probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the weights under which the true classes are likeliest, shrunk to the initial weight.

    Every clip counts alike, as for a temperature: the product is to be calibrated, too. The loss is
    convex, so that the result does not depend on where the search for it starts.

    Args:
        log_probabilities: of clips that the models were not trained on
            [shape=(clips, classes, models)]
        labels: the true classes' codes [shape=(clips,)]

    Returns:
        none below zero [shape=(models,)]
    """
    from scipy.optimize import minimize

    values = np.asarray(log_probabilities, np.float64)
    models = values.shape[2]
    true = np.take_along_axis(values, np.asarray(labels)[:, None, None], axis=1)[:, 0]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = values @ weights
        highest = logits.max(axis=1)
        log_sums = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        away = weights - INITIAL_WEIGHT
        expected = np.einsum("nc,ncm->m", combine(values, weights), values)
        total = (log_sums - true @ weights).sum() + _SHRINKAGE / 2 * (away**2).sum()
        return float(total), expected - true.sum(axis=0) + _SHRINKAGE * away

    start = np.full(models, INITIAL_WEIGHT)
    return np.asarray(minimize(loss, start, jac=True, bounds=[(0, None)] * models).x)
