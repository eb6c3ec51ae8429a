"""Every visual extractor over one clip's faces, which are decoded from video once and for all."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import store
from .registry import module, pretrained, weights_of

__all__ = ["Extraction", "extract"]

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


def extract(
    seen: Mapping[str, Array],
    extractors: Mapping[str, Any],
    weights: Mapping[str, Path] | None = None,
) -> dict[str, Arrays]:
    """Features of one clip.

    Args:
        seen: its faces, as `faces.extract` gives them
        extractors: settings by extractor, the name of a module here
        weights: the file of each of the extractors' `WEIGHTS`

    Returns:
        by extractor, what its own `extract` gives

    Raises:
        AssetError: weights are not what they should be
    """
    found = {}
    for name, settings in extractors.items():
        files = (weights or {},) if weights_of(name) else ()
        found[name] = module(name).extract(seen, settings, *files)
    return found


class Extraction:
    """What `store.update` asks for features of stored faces, in this process or in another.

    Args:
        extractors: settings by extractor
        weights: the file of each of their `WEIGHTS`; a machine of a cluster that has none at this
            path takes its own
    """

    def __init__(self, extractors: Mapping[str, Any], weights: Mapping[str, Path]) -> None:
        self._extractors = dict(extractors)
        self._weights = dict(weights)

    def __call__(self, row: store.Row, names: Collection[str]) -> dict[str, Arrays]:
        """The features of a clip, for the extractors asked for.

        Raises:
            AssetError: weights are not on this machine and cannot be fetched
        """
        chosen = {name: self._extractors[name] for name in names}
        files = {key: file for name in names for key, file in self._here(name).items()}
        return extract(store.row(row), chosen, files)

    def _here(self, name: str) -> dict[str, Path]:
        files = {key: self._weights[key] for key in weights_of(name)}
        there = all(file.exists() for file in files.values())
        return files if there else pretrained(name, self._extractors[name], quiet=True)
