"""Extractors by name: which makes a feature, and what each needs."""

from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["extractor_of", "module", "weights_of"]


def extractor_of(feature: str) -> str:
    """The extractor that has an array of this name: `whisper` for `whisper` and `whisper_stats`.

    An array is called as its extractor is, or so and more behind an underscore.
    """
    known = {file.stem for file in Path(__file__).parent.glob("[a-z]*.py")}
    words = feature.split("_")
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((name for name in names if name in known), feature)


def module(extractor: str) -> Any:
    """Where it is written."""
    return import_module(f".{extractor}", __package__)


def weights_of(extractor: str) -> tuple[str, ...]:
    """The pretrained files that it needs, in `assets.ASSETS`."""
    found: tuple[str, ...] = getattr(module(extractor), "WEIGHTS", ())
    return found
