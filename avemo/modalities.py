"""What a model looks at: sound, picture, or both."""

from typing import Literal, get_args

__all__ = ["MODALITIES", "UNIMODAL", "Modality", "Unimodal"]

Modality = Literal["audio", "visual", "fused"]
#: a modality that an extractor works on, and that a fused model joins
Unimodal = Literal["audio", "visual"]

MODALITIES: tuple[Modality, ...] = get_args(Modality)
UNIMODAL: tuple[Unimodal, ...] = get_args(Unimodal)
