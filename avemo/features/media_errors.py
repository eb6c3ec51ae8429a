"""A recording's own fault is its result. Workers import this, so it imports next to nothing."""

from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from ..errors import MediaError

__all__ = ["CatchMediaErrors"]

SourceT = TypeVar("SourceT")
FeaturesT = TypeVar("FeaturesT")


class CatchMediaErrors(Generic[SourceT, FeaturesT]):
    """Gives a recording's MediaError as its result, rather than ending the run.

    Args:
        extract: returns a file's features, by extractor, for the extractors named
    """

    def __init__(
        self, extract: Callable[[SourceT, Collection[str]], Mapping[str, FeaturesT]]
    ) -> None:
        self._extract = extract

    def __call__(
        self, item: tuple[SourceT, Collection[str]]
    ) -> Mapping[str, FeaturesT | MediaError]:
        """Return the features by extractor, or the MediaError in their place.

        Args:
            item: the file, and the names of the extractors
        """
        source, names = item
        try:
            return self._extract(source, names)
        except MediaError as error:
            return dict.fromkeys(names, error)
