"""Every audio extractor over one recording, whose sound is decoded once."""

from collections.abc import Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..media.sound import check_sound, read_sound

__all__ = ["Extraction", "extract"]

Arrays = dict[str, np.ndarray[Any, Any]]


def extract(
    source: Path | bytes, extractors: Mapping[str, Any], limits: Mapping[str, float] | None = None
) -> dict[str, Arrays]:
    """Features of one recording.

    Args:
        source: an audio or video file, or its content
        extractors: settings by extractor, the name of a module here
        limits: refuse what no emotion can be heard in, see `media.sound.check_sound`

    Returns:
        by extractor, what its own `extract` gives

    Raises:
        MediaError: the sound cannot be used
    """
    sounds: dict[int, np.ndarray[Any, Any]] = {}
    found = {}
    for name, settings in extractors.items():
        rate = settings.sample_rate
        if rate not in sounds:
            sounds[rate] = read_sound(source, rate)
            if limits:
                check_sound(sounds[rate], rate, **limits)
        found[name] = import_module(f".{name}", __package__).extract(sounds[rate], settings)
    return found


class Extraction:
    """What `store.update` asks for features, in this process or in another.

    Args:
        extractors: settings by extractor
    """

    def __init__(self, extractors: Mapping[str, Any]) -> None:
        self._extractors = dict(extractors)

    def __call__(self, file: Path, names: Collection[str]) -> dict[str, Arrays]:
        """The features of a file, for the extractors asked for."""
        return extract(file, {name: self._extractors[name] for name in names})
