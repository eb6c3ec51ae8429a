"""Extractors over the recordings of a corpus, as `store.update` calls them for each."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from .arrays import Arrays
from .extractor import Extractor, ImportedExtractor, VisualExtractor
from .run import extract_visual

if TYPE_CHECKING:
    from ..schema import Strict
    from .openface.sources import ClipSource
    from .store import RowRef

__all__ = ["Extraction", "extract_visual_row", "read_imported"]

SourceT = TypeVar("SourceT")
ExtractorT = TypeVar("ExtractorT", bound="Extractor[Strict]")


def extract_visual_row(
    row: "RowRef", extractors: Mapping[str, "VisualExtractor[Strict]"]
) -> dict[str, Arrays]:
    """Return the visual features of stored faces, by extractor; see `run.extract_visual`."""
    from . import store  # workers for sound do without pandas

    return extract_visual(store.load_row(row), extractors)


def read_imported(
    source: "ClipSource", extractors: Mapping[str, "ImportedExtractor[Strict]"]
) -> dict[str, Arrays]:
    """Return the imported features of a clip, by extractor."""
    return {name: extractor.read(source) for name, extractor in extractors.items()}


class Extraction(Generic[SourceT, ExtractorT]):
    """What `store.update` calls for each source, in this process or in another.

    Args:
        extract: `run.extract_audio`, `extract_visual_row` or `read_imported`
        extractors: by name; a machine of a cluster that lacks the weights fetches its own
    """

    def __init__(
        self,
        extract: Callable[[SourceT, Mapping[str, ExtractorT]], dict[str, Arrays]],
        extractors: Mapping[str, ExtractorT],
    ) -> None:
        self._extract = extract
        self._extractors = dict(extractors)

    def __call__(self, source: SourceT, names: Collection[str]) -> dict[str, Arrays]:
        """Return the features of a source, by extractor.

        Args:
            source: a recording, a row of stored faces, or what another program wrote of a clip
            names: of the extractors that are to run

        Raises:
            MediaError: the source cannot be used
            AssetError: weights are not on this machine and cannot be fetched
        """
        local = {name: self._extractors[name].with_local_weights() for name in names}
        return self._extract(source, local)
