"""What is heard looks at what is seen, and the other way round, step by step.

Source:
    Y.-H. H. Tsai et al.: Multimodal transformer for unaligned multimodal language sequences.
    ACL 2019
"""

from typing import Any

from ..audio import whisper
from ..layers.modality_dropout import together
from ..layers.pooling import inside, narrowed, statistics

__all__ = ["COPIES", "INPUTS", "embed"]

_HEARD = ("whisper",)
_SEEN = ("expression", "expression_probabilities", "geometry")
INPUTS = _HEARD + _SEEN
COPIES = whisper.COPIES


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Steps of sound [shape=(clips, steps, columns)] and faces, to one vector a clip."""
    from keras import layers, ops

    width = hp.Choice("width", [64, 128], default=64)
    dropout = hp.Float("dropout", 0.2, 0.5, step=0.1, default=0.3)
    modalities = [[inputs[name] for name in names] for names in (_HEARD, _SEEN)]
    steps, here = [], []
    for made_of in modalities:
        x = made_of[0] if len(made_of) == 1 else layers.Concatenate()(made_of)
        here.append(inside(x))
        x = layers.Dense(width)(layers.SpatialDropout1D(0.2)(x))
        steps.append(narrowed(x, dropout) * here[-1])
    vectors = []
    for own, other in ((0, 1), (1, 0)):
        attention = layers.MultiHeadAttention(4, width // 4, dropout=dropout)
        mask = ops.squeeze(here[other], axis=2)[:, None, :] > 0
        looked = attention(steps[own], steps[other], attention_mask=mask)
        x = layers.LayerNormalization()(steps[own] + looked) * here[own]
        vectors.append(statistics(x, here[own], attention=True))
    return layers.Dropout(0.3)(together(hp, vectors, modalities))
