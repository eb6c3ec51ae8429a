"""Late fusion: the weighted product of the audio and the visual model's probabilities.

One weight a modality, fitted to the two models' predictions of clips outside their training set.
Where a modality is missing, the other model's probabilities stand as they are: they are calibrated
by themselves, and a weight says how much a model counts beside the other.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import layers, ops
from keras_tuner import HyperParameters
from numpy.typing import NDArray

from ...features.arrays import Array
from ..architecture import Architecture, Branches, Solver, Tensor, Tensors
from ..layers.modality_dropout import modality_mask
from ..weighted_product import INITIAL_WEIGHT, WEIGHTS_LAYER, fit_weights

__all__ = ["LateFusion"]


class LateFusion(Architecture):
    """A weighted sum of log probabilities, normalised.

    Its inputs are the two models' log probabilities, of performances outside their training set.
    """

    inputs = ("audio_log_probabilities", "visual_log_probabilities")

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return the fused log probabilities, not normalised [shape=(clips, emotions)].

        Args:
            inputs: each [shape=(clips, 1, emotions)], zeros for a missing modality
        """
        modalities = [[inputs[name]] for name in self.inputs]
        present = ops.concatenate([modality_mask(tensors) for tensors in modalities], axis=1)
        logarithms = ops.concatenate([inputs[name] for name in self.inputs], axis=1)
        weighted = layers.Dense(
            1,
            use_bias=False,
            kernel_initializer=keras.initializers.Constant(INITIAL_WEIGHT),
            name=WEIGHTS_LAYER,
        )(ops.transpose(logarithms, (0, 2, 1)))
        complete = ops.min(present, axis=1, keepdims=True) > 0
        return ops.where(complete, ops.squeeze(weighted, axis=2), ops.sum(logarithms, axis=1))

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities of the emotions [shape=(clips, emotions)]."""
        return layers.Softmax(name="emotion")(x)

    def solver(self, hp: HyperParameters) -> Solver:
        """Return what fits the weights."""
        return _fit


def _fit(network: keras.Model, inputs: Mapping[str, Array], labels: NDArray[np.integer]) -> None:
    """Fit the weights to clips that have both modalities."""
    logarithms = np.stack([inputs[name][:, 0] for name in LateFusion.inputs], axis=2)
    network.get_layer(WEIGHTS_LAYER).set_weights([fit_weights(logarithms, labels)[:, None]])
