"""The clips of one corpus with what is true of each, of a manifest or of a corpus's own folder."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..errors import CorpusError, join_names
from ..io import atomic_write
from ..settings import Labels
from .adapters.registry import ADAPTERS, corpus_title
from .identity import list_identities
from .manifest import OWN, find_manifests, locate_manifest, normalise_corpora, read_manifest
from .manifest_fetch import fetch_manifest
from .manifest_write import list_folder, write_manifest

__all__ = ["LabelledClips", "gather_clips"]


@dataclass(frozen=True)
class LabelledClips:
    """The clips of one corpus.

    Args:
        corpus: its name
        title: how people call it
        folder: of the clips
        rows: as `identity.list_identities` returns them, a row a recording; those with a finding
            have no clip, or no class
        passed_over: by reason, files of the folder that are named otherwise than the corpus's
    """

    corpus: str
    title: str
    folder: Path
    rows: pd.DataFrame
    passed_over: dict[str, list[str]] = field(default_factory=dict)


def gather_clips(path: Path, corpus: str | None, labels: Labels, folder: Path) -> LabelledClips:
    """Return the clips of a corpus, linked or cut into a folder.

    Args:
        path: of a manifest, of a folder with one, or of a corpus's folder that an adapter knows
        corpus: the corpus of a manifest with several, the name for that of a manifest that names
            none, or the adapter of a folder; by default the only one, or the one that knows most of
            the files
        labels: what the corpora's emotions count as
        folder: is made, and gets the clips

    Raises:
        CorpusError: there is no such corpus, or `labels` does not say what an emotion counts as
    """
    if not path.exists():
        raise CorpusError(f"there is no {path}: a manifest or a corpus's folder is expected")
    manifest, clips = folder / "manifest.csv", folder / "clips"
    folder.mkdir(parents=True)
    passed_over: dict[str, list[str]] = {}
    if path.is_dir() and not find_manifests(path):
        if corpus and corpus not in ADAPTERS:
            raise CorpusError(
                f"{path} has no manifest, and no adapter is called {corpus!r}: "
                f"{', '.join(ADAPTERS)} are expected"
            )
        listed = list_folder(path, corpus)
        passed_over = listed.listing.passed_over
        write_manifest(manifest, [listed])
    else:
        rows = _select_corpus(locate_manifest(path), corpus)
        with atomic_write(manifest) as temporary:
            rows.to_csv(temporary, index=False, lineterminator="\n")
    name = str(fetch_manifest(manifest, clips)["corpus"].iloc[0])
    rows = _set_duplicates_aside(list_identities(clips, labels))
    return LabelledClips(name, corpus_title(name), clips, rows, passed_over)


def _select_corpus(file: Path, corpus: str | None) -> pd.DataFrame:
    """Return the rows of one corpus of a manifest, whose paths are absolute."""
    rows = read_manifest(file)
    corpora = sorted(rows["corpus"].unique())
    if corpus:
        name = str(normalise_corpora(pd.Series([corpus])).iloc[0])
        if corpora == [OWN]:
            rows["corpus"] = name
        elif name not in corpora:
            raise CorpusError(
                f"{file} has no corpus {corpus!r}: --corpus takes {join_names(corpora)}"
            )
        rows = rows[rows["corpus"].eq(name)]
    elif len(corpora) > 1:
        raise CorpusError(
            f"{file} has {len(corpora)} corpora ({join_names(corpora)}): name one with --corpus"
        )
    base = file.resolve().parent
    return rows.assign(path=[str(base / path) for path in rows["path"]])


def _set_duplicates_aside(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, of which a second file of one recording has a finding."""
    usable = rows[rows["finding"].eq("")]
    again = usable.index[usable["recording"].duplicated()]
    rows.loc[again, "finding"] = "duplicate"
    rows.loc[again, "reason"] = "another file is the same recording by its name"
    return rows
