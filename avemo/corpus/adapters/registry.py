"""The adapters by name, and which one a folder's names are of."""

from collections.abc import Sequence
from pathlib import Path, PurePath

from ...errors import CorpusError
from .adapter import Adapter
from .crema_d import CremaD
from .emodb import EmoDB
from .iemocap import Iemocap
from .mead import Mead
from .meld import Meld
from .ravdess import Ravdess
from .savee import Savee
from .tess import Tess

__all__ = ["ADAPTERS", "corpus_title", "detect_adapter"]

ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        Ravdess(),
        CremaD(),
        EmoDB(),
        Tess(),
        Savee(),
        Mead(),
        Iemocap(),
        Meld(),
    )
}


def corpus_title(name: str) -> str:
    """Return how people call a corpus, such as `EmoDB`; its name if no adapter knows it."""
    return ADAPTERS[name].title.partition(",")[0] if name in ADAPTERS else name


def detect_adapter(folder: Path, paths: Sequence[PurePath]) -> Adapter:
    """Return the adapter that knows most of a folder's files by their names.

    Args:
        folder: the corpus's
        paths: of its media files, from the folder

    Raises:
        CorpusError: none knows a single file, or two know as many
    """
    counts = {adapter: _count_known(adapter, folder, paths) for adapter in ADAPTERS.values()}
    most = max(counts.values())
    best = [adapter for adapter, count in counts.items() if count == most]
    if most and len(best) == 1:
        return best[0]
    reason = (
        f"{' and '.join(adapter.name for adapter in best)} would each read {most:,} of its files"
        if most
        else f"no adapter reads one of its {len(paths):,} media files"
    )
    raise CorpusError(
        f"{folder}: which corpus it is cannot be told: {reason}; name it with --corpus "
        f"({', '.join(ADAPTERS)}), or write a manifest of your own"
    )


def _count_known(adapter: Adapter, folder: Path, paths: Sequence[PurePath]) -> int:
    try:
        return len(adapter.list_rows(folder, paths).rows)
    except CorpusError:  # a table of the corpus is missing
        return 0
