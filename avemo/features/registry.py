"""The table of extractors: each by the name of its file."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from ..schema import Strict
from .extractor import Extractor
from .names import modality_of
from .spec import FeatureSpec

__all__ = ["extractor_class", "extractor_from_spec"]


def extractor_class(name: str) -> type[Extractor[Strict]]:
    """Return the class of an extractor.

    Args:
        name: its file's, without the suffix

    Raises:
        KeyError: there is none of this name
    """
    module = import_module(f".{modality_of(name)}.{name}", __package__)
    (extractor,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Extractor)
        and value.__module__ == module.__name__
    )
    return extractor


def extractor_from_spec(
    spec: FeatureSpec, weights: Mapping[str, Path] | None = None
) -> Extractor[Strict]:
    """Return the extractor that computes a feature as it was computed before.

    Args:
        spec: of the feature
        weights: see `Extractor`
    """
    extractor = extractor_class(spec.extractor)
    return extractor(extractor.settings_class.model_validate(spec.settings), weights)
