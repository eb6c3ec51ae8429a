"""One recording's trouble is its own. Workers import this, so it imports next to nothing."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..errors import MediaError

__all__ = ["Guarded"]

Extract = Callable[[Any, Collection[str]], Mapping[str, Any]]


class Guarded:
    """A recording's own trouble as its result, rather than the end of the run.

    Args:
        extract: a file's features, by extractor, for those that are asked for
    """

    def __init__(self, extract: Extract) -> None:
        self._extract = extract

    def __call__(self, item: tuple[Any, Collection[str]]) -> Mapping[str, Any]:
        """By extractor, its features, or the MediaError that stands in their place."""
        file, names = item
        try:
            return self._extract(file, names)
        except MediaError as error:
            return dict.fromkeys(names, error)
