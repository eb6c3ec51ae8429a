"""A network that is fitted again and again from the same initial weights.

Building a network and tracing its graphs takes seconds, fitting a head to small data less than one.
"""

import keras
from keras import ops

__all__ = ["ReusableNetwork"]


class ReusableNetwork:
    """A compiled network and what it was before its first fit: weights, optimiser, random states.

    Args:
        network: built after `make_deterministic` was called, not fitted yet
        predictor: the network that predicts, which shares the weights
    """

    def __init__(self, network: keras.Model, predictor: keras.Model) -> None:
        self.network = network
        self.predictor = predictor
        self._variables = [*network.variables, *network.optimizer.variables]
        self._initial_values = [ops.convert_to_numpy(variable) for variable in self._variables]

    def reset(self) -> None:
        """Set everything back, so that a fit gives what it gives with a newly built network."""
        for variable, value in zip(self._variables, self._initial_values, strict=True):
            variable.assign(value)
