"""Names of extractors and of their features, for whoever needs no extractor's code."""

from pathlib import Path

from ..modalities import UNIMODAL, Unimodal

__all__ = ["extractor_names", "extractor_of", "modality_of"]


def extractor_names(modality: Unimodal) -> list[str]:
    """Return the extractors of one modality: each public module of its folder is one."""
    folder = Path(__file__).parent / modality
    return sorted(file.stem for file in folder.glob("[a-z]*.py"))


def extractor_of(feature: str) -> str:
    """Return the extractor of a feature: `whisper` for `whisper` and for `whisper_stats`.

    A feature has its extractor's name, alone or followed by an underscore and more.
    """
    known = {name for modality in UNIMODAL for name in extractor_names(modality)}
    words = feature.split("_")
    prefixes = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((prefix for prefix in prefixes if prefix in known), feature)


def modality_of(feature: str) -> Unimodal:
    """Return the modality that a feature is computed from.

    Raises:
        KeyError: no extractor has it
    """
    extractor = extractor_of(feature)
    for modality in UNIMODAL:
        if extractor in extractor_names(modality):
            return modality
    raise KeyError(feature)
