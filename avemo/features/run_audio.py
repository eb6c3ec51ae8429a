"""Every audio extractor over one recording, whose sound is decoded once."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..media.sound import check_sound, read_sound
from ..pretrained import assets
from .registry import module, weights_of

__all__ = ["Extraction", "extract"]

Arrays = dict[str, np.ndarray[Any, Any]]


def extract(
    source: Path | bytes,
    extractors: Mapping[str, Any],
    limits: Mapping[str, float] | None = None,
    weights: Mapping[str, Path] | None = None,
) -> dict[str, Arrays]:
    """Features of one recording.

    Args:
        source: an audio or video file, or its content
        extractors: settings by extractor, the name of a module here
        limits: refuse what no emotion can be heard in, see `media.sound.check_sound`
        weights: the file of each of the extractors' `WEIGHTS`

    Returns:
        by extractor, what its own `extract` gives

    Raises:
        MediaError: the sound cannot be used
        AssetError: weights are not what they should be
    """
    sounds: dict[int, np.ndarray[Any, Any]] = {}
    found = {}
    for name, settings in extractors.items():
        rate = settings.sample_rate
        if rate not in sounds:
            sounds[rate] = read_sound(source, rate)
            if limits:
                check_sound(sounds[rate], rate, **limits)
        pretrained = (weights or {},) if weights_of(name) else ()
        found[name] = module(name).extract(sounds[rate], settings, *pretrained)
    return found


class Extraction:
    """What `store.update` asks for features, in this process or in another.

    Args:
        extractors: settings by extractor
        weights: the file of each of their `WEIGHTS`; a machine of a cluster that has none at this
            path takes its own
    """

    def __init__(
        self, extractors: Mapping[str, Any], weights: Mapping[str, Path] | None = None
    ) -> None:
        self._extractors = dict(extractors)
        self._weights = dict(weights or {})

    def __call__(self, file: Path, names: Collection[str]) -> dict[str, Arrays]:
        """The features of a file, for the extractors asked for.

        Raises:
            MediaError: the sound cannot be used
            AssetError: weights are not on this machine and cannot be fetched
        """
        chosen = {name: self._extractors[name] for name in names}
        needed = {weight for name in names for weight in weights_of(name)}
        return extract(file, chosen, weights={name: self._here(name) for name in needed})

    def _here(self, weight: str) -> Path:
        path = self._weights[weight]
        return path if path.exists() else assets.get(weight, quiet=True)
