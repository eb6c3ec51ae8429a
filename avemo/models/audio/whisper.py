"""A head on Whisper's hidden states: a bottleneck, layers over time, attentive pooling.

Source:
    masked steps: D. S. Park et al.: SpecAugment. Interspeech 2019
"""

from typing import ClassVar

from keras import layers, ops
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors
from ..layers.pooling import bottleneck, padding_mask, statistics_pooling

__all__ = ["Whisper", "copies_of", "speeds_of"]


def speeds_of(encoder: str) -> tuple[str, ...]:
    """Return the features of an encoder's copies at other speeds.

    They are named here, so that a search does not depend on the extractors' code.
    """
    return tuple(f"{encoder}_speeds_{copy}" for copy in ("slower", "faster"))


def copies_of(encoder: str) -> tuple[str, ...]:
    """Return the features of all of an encoder's altered copies, from which training draws."""
    others = (f"{encoder}_copies_{copy}" for copy in ("lower", "higher", "noisy"))
    return (*speeds_of(encoder), *others)


class Whisper(Architecture):
    """A convolutional or recurrent head on Whisper's hidden states."""

    inputs = ("whisper",)
    augmentations: ClassVar = {"whisper": copies_of("whisper")}
    tta_views: ClassVar = {"whisper": speeds_of("whisper")}

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from hidden states.

        Args:
            inputs: the states of an encoder [shape=(clips, steps, states * width)], zeros after
                the clip's end
        """
        x = inputs[self.inputs[0]]
        mask = padding_mask(x)
        width = hp.Choice("width", [96, 128, 192], default=128)
        dropout = hp.Float("dropout", 0.2, 0.4, step=0.1, default=0.3)
        masked = hp.Float("masked", 0.0, 0.2, step=0.1, default=0.0)
        x = layers.Dropout(masked, noise_shape=(None, x.shape[1], 1))(x)
        x = layers.SpatialDropout1D(0.2)(x)
        x = bottleneck(layers.Dense(width)(x), dropout) * mask
        for _ in range(hp.Int("convolutions", 0, 2, default=2)):
            x = (x + bottleneck(layers.Conv1D(width, 5, padding="same")(x), dropout)) * mask
        if hp.Boolean("recurrent", default=False):
            gru = layers.Bidirectional(layers.GRU(width // 2, return_sequences=True))
            # without the mask the backward pass would begin in the padding
            x = gru(x, mask=ops.squeeze(mask, axis=2) > 0) * mask
        pooling = hp.Choice("pooling", ["attention", "mean"], default="attention")
        return layers.Dropout(0.3)(statistics_pooling(x, mask, attention=pooling == "attention"))
