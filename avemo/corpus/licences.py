"""The licences of the corpora that recordings are of."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .adapters.registry import ADAPTERS, corpus_title

if TYPE_CHECKING:  # slow to import
    import pandas as pd

__all__ = ["NOT_STATED", "list_licences"]

#: of a corpus of which neither a manifest nor an adapter says a licence
NOT_STATED = "not stated"


def list_licences(catalogue: "pd.DataFrame", corpora: Iterable[str]) -> dict[str, str]:
    """Return the licence of each corpus, by the name that people call it.

    It is what the manifest's column `licence` states, else what the corpus's adapter does.

    Args:
        catalogue: columns corpus and, if the recordings are of a manifest, licence
        corpora: by name, as adapters are named
    """
    return {corpus_title(name): _read_licence(catalogue, name) for name in sorted(set(corpora))}


def _read_licence(catalogue: "pd.DataFrame", corpus: str) -> str:
    own = catalogue[catalogue["corpus"].eq(corpus)]
    stated = set(own["licence"]) - {""} if "licence" in own else set()
    adapter = ADAPTERS.get(corpus)
    return "; ".join(sorted(stated)) or (adapter.licence if adapter else NOT_STATED)
