"""The audio model's probabilities times those of the pretrained expression network alone.

What is seen is not learnt from this corpus, so that few films cannot spoil it.
"""

from typing import ClassVar

from keras import layers, ops
from keras_tuner import HyperParameters

from ...emotions import EMOTIONS
from ...pretrained.expression_mobilenet import MEAN_FEATURE
from ..architecture import AnswersUntrained, Branches, Tensor, Tensors
from ..shrunk_fit import learnt_from_zero
from ..visual.expression_prior import log_class_probabilities

__all__ = ["LatePrior"]

_AUDIO = "audio_log_probabilities"


class LatePrior(AnswersUntrained):
    """A product with a learnt weight a modality, one at first; a missing one says nothing."""

    inputs = (_AUDIO, MEAN_FEATURE)
    unscaled_inputs: ClassVar[tuple[str, ...]] = (MEAN_FEATURE,)

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return the logarithm of the product, not normalised [shape=(clips, classes)].

        Args:
            inputs: the logarithms of the audio model's probabilities [shape=(clips, 1, classes)],
                zeros where nothing is heard; and the expressions [shape=(clips, 1, 7)]
        """
        audio = layers.Flatten()(inputs[_AUDIO])
        visual = log_class_probabilities(inputs[MEAN_FEATURE], EMOTIONS)
        log_weights = learnt_from_zero(audio, 2)
        return ops.exp(log_weights[:, :1]) * audio + ops.exp(log_weights[:, 1:]) * visual

    def head(self, x: Tensor) -> Tensor:
        """Return the probabilities [shape=(clips, classes)]."""
        return layers.Softmax(name="emotion")(x)
