"""Extractors by name: which makes a feature, and what each needs."""

from importlib import import_module
from pathlib import Path
from typing import Any

from ..pretrained import assets
from .names import modality_of

__all__ = [
    "licences_of",
    "module",
    "pretrained",
    "weights_of",
]


def module(extractor: str) -> Any:
    """Where it is written."""
    return import_module(f".{modality_of(extractor)}.{extractor}", __package__)


def weights_of(extractor: str) -> tuple[str, ...]:
    """The pretrained files that it needs: in `assets.ASSETS`, or what it fetches itself."""
    found: tuple[str, ...] = getattr(module(extractor), "WEIGHTS", ())
    return found


def pretrained(extractor: str, settings: Any, *, quiet: bool = False) -> dict[str, Path]:
    """The pretrained files that it needs, fetched where they are not here yet.

    An extractor whose files depend on its settings has a `fetch` of its own.

    Args:
        settings: the extractor's
        quiet: no progress bar

    Raises:
        AssetError: a file cannot be had, or is not what it should be
    """
    fetch = getattr(module(extractor), "fetch", None)
    if fetch:
        found: dict[str, Path] = fetch(settings)
        return found
    return {name: assets.get(name, quiet=quiet) for name in weights_of(extractor)}


def licences_of(extractor: str) -> set[str]:
    """Who made the pretrained files that it needs, and what they may be used for."""
    known = [assets.ASSETS[name] for name in weights_of(extractor) if name in assets.ASSETS]
    return {f"{one.source}: {one.licence}" for one in known} | set(
        getattr(module(extractor), "LICENCES", ())
    )
