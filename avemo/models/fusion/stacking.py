"""Stacking: logistic regression on the audio and the visual model's predictions.

It starts as the geometric mean of both; a missing modality counts for nothing. It has a weight for
each pair of an emotion and a probability, where `late` has one a modality.

Source:
    D. H. Wolpert: Stacked generalization. Neural Networks 5(2), 1992
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors
from ..layers.modality_dropout import concat_with_modality_dropout

__all__ = ["Stacking"]


class Stacking(Architecture):
    """Logistic regression on log probabilities.

    Its inputs are the two models' log probabilities, of performances outside their training set.
    """

    inputs = ("audio_log_probabilities", "visual_log_probabilities")

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return both models' log probabilities side by side [shape=(clips, 2 * emotions)].

        Args:
            inputs: each [shape=(clips, 1, emotions)]
        """
        vectors = [layers.Flatten()(inputs[name]) for name in self.inputs]
        return concat_with_modality_dropout(hp, vectors, [[inputs[name]] for name in self.inputs])

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities of the emotions [shape=(clips, emotions)]."""
        mean = np.concatenate([np.eye(len(classes))] * len(self.inputs)) / len(self.inputs)
        return layers.Dense(
            len(classes),
            activation="softmax",
            kernel_initializer=keras.initializers.Constant(mean),
            name="emotion",
        )(x)
