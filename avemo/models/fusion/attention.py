"""Cross-modal attention: each modality's steps attend to the other's.

Source:
    Y.-H. H. Tsai et al.: Multimodal transformer for unaligned multimodal language sequences.
    ACL 2019
"""

from keras import layers, ops
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors
from ..audio.whisper import Whisper
from ..layers.modality_dropout import concat_with_modality_dropout
from ..layers.pooling import bottleneck, padding_mask, statistics_pooling

__all__ = ["CrossModalAttention"]

_AUDIO = ("whisper",)
_VISUAL = ("expression", "expression_probabilities", "geometry")


class CrossModalAttention(Architecture):
    """Whisper's hidden states and the faces' features, attending to each other."""

    inputs = _AUDIO + _VISUAL
    augmentations = Whisper.augmentations

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip.

        Args:
            inputs: each [shape=(clips, steps or faces, columns)], zeros after the clip's end
        """
        width = hp.Choice("width", [64, 128], default=64)
        dropout = hp.Float("dropout", 0.2, 0.5, step=0.1, default=0.3)
        modalities = [[inputs[name] for name in names] for names in (_AUDIO, _VISUAL)]
        steps, masks = [], []
        for tensors in modalities:
            x = tensors[0] if len(tensors) == 1 else layers.Concatenate()(tensors)
            masks.append(padding_mask(x))
            x = layers.Dense(width)(layers.SpatialDropout1D(0.2)(x))
            steps.append(bottleneck(x, dropout) * masks[-1])
        vectors = []
        for own, other in ((0, 1), (1, 0)):
            attention = layers.MultiHeadAttention(4, width // 4, dropout=dropout)
            mask = ops.squeeze(masks[other], axis=2)[:, None, :] > 0
            attended = attention(steps[own], steps[other], attention_mask=mask)
            x = layers.LayerNormalization()(steps[own] + attended) * masks[own]
            vectors.append(statistics_pooling(x, masks[own], attention=True))
        return layers.Dropout(0.3)(concat_with_modality_dropout(hp, vectors, modalities))
