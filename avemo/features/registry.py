"""Extractors by name: which makes a feature, and what each needs."""

from importlib import import_module
from pathlib import Path
from typing import Any

from ..modalities import UNIMODAL
from ..pretrained import assets

__all__ = [
    "extractor_of",
    "licences_of",
    "module",
    "names_of",
    "pretrained",
    "weights_of",
]


def names_of(modality: str) -> list[str]:
    """The extractors of one modality: each module of its folder is one."""
    folder = Path(__file__).parent / modality
    return sorted(file.stem for file in folder.glob("[a-z]*.py"))


def extractor_of(feature: str) -> str:
    """The extractor that has an array of this name: `whisper` for `whisper` and `whisper_stats`.

    An array is called as its extractor is, or so and more behind an underscore.
    """
    known = {name for modality in UNIMODAL for name in names_of(modality)}
    words = feature.split("_")
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((name for name in names if name in known), feature)


def module(extractor: str) -> Any:
    """Where it is written."""
    for modality in UNIMODAL:
        if extractor in names_of(modality):
            return import_module(f".{modality}.{extractor}", __package__)
    raise KeyError(extractor)


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
