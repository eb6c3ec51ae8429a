"""The audio model's probabilities times those of the pretrained expression network alone.

What is seen is not learnt from this corpus, so that few films cannot spoil it.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from keras import layers, ops
from keras_tuner import HyperParameters

from ...pretrained.expression_mobilenet import CLASSES as EXPRESSIONS
from ...pretrained.expression_mobilenet import MEAN_FEATURE
from ..architecture import AnswersUntrained, Branches, Tensor, Tensors
from ..shrunk_fit import learnt_from_zero
from ..visual.expression_prior import log_class_probabilities

__all__ = ["LatePrior"]

_AUDIO = "audio_log_probabilities"


class LatePrior(AnswersUntrained):
    """A product with a learnt weight a modality, one at first; a missing one says nothing."""

    inputs = (_AUDIO, MEAN_FEATURE)
    unscaled_inputs: ClassVar[Mapping[str, int]] = {MEAN_FEATURE: len(EXPRESSIONS)}

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return what is heard and seen side by side [shape=(clips, classes + 7)].

        Args:
            inputs: the logarithms of the audio model's probabilities [shape=(clips, 1, classes)],
                zeros where nothing is heard; and the expressions [shape=(clips, 1, 7)]
        """
        return layers.Concatenate()([layers.Flatten()(inputs[name]) for name in self.inputs])

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities [shape=(clips, classes)]: the product, normalised."""
        audio, expressions = x[:, : len(classes)], x[:, len(classes) :]
        visual = log_class_probabilities(expressions, classes)
        log_weights = learnt_from_zero(audio, 2)
        product = ops.exp(log_weights[:, :1]) * audio + ops.exp(log_weights[:, 1:]) * visual
        return layers.Softmax(name="emotion")(product)
