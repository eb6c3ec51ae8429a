"""Manifests of folders, by the corpora's own file names."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import pandas as pd

from ..errors import CorpusError
from ..io import atomic_write
from ..media.suffixes import MEDIA_SUFFIXES
from .adapters.adapter import Adapter, Listing
from .adapters.registry import ADAPTERS, detect_adapter
from .folder import has_plain_name, list_recordings
from .manifest import TEXT

__all__ = ["FolderListing", "list_folder", "write_manifest"]

#: why files are passed over, whatever the corpus
_UNREADABLE = "because they cannot be read"
_UNNAMED = "because their names are not UTF-8: rename them"


@dataclass(frozen=True)
class FolderListing:
    """A corpus's folder, and what its files stand for."""

    folder: Path
    adapter: Adapter
    listing: Listing


def list_folder(folder: Path, corpus: str | None = None) -> FolderListing:
    """Return the recordings of a folder.

    Args:
        folder: of one corpus, in any nesting
        corpus: the adapter's name; by default, the one that knows most of the files

    Raises:
        CorpusError: there is no such folder or nothing in it, or the corpus is not known
    """
    if not folder.is_dir():
        raise CorpusError(f"there is no folder {folder}: the folder of a corpus is expected")
    unusable: list[Path] = []
    files = list(list_recordings(folder, MEDIA_SUFFIXES, unusable.append))
    paths = [PurePath(file.relative_to(folder)) for file in files if has_plain_name(file)]
    if not files:
        raise CorpusError(f"{folder} has no media files: .wav, .mp3, .flac, .mp4, ... are expected")
    adapter = ADAPTERS[corpus] if corpus else detect_adapter(folder, paths)
    listing = adapter.list_rows(folder, paths)
    unnamed = [file for file in files if not has_plain_name(file)]
    for reason, left_out in {_UNREADABLE: unusable, _UNNAMED: unnamed}.items():
        if left_out:
            listing.passed_over[reason] = [str(path.relative_to(folder)) for path in left_out]
    if not listing.rows:
        reasons = ", ".join(listing.passed_over)
        raise CorpusError(
            f"{folder}: none of its {len(paths):,} files is {adapter.name}'s: {reasons}"
        )
    return FolderListing(folder, adapter, listing)


def write_manifest(file: Path, folders: Sequence[FolderListing]) -> pd.DataFrame:
    """Write a manifest of one or several corpora as CSV.

    Paths are from the manifest's folder where it holds all corpora, and absolute where it does not.

    Returns:
        the rows
    """
    base = file.resolve().parent
    inside = all(listed.folder.resolve().is_relative_to(base) for listed in folders)
    tables = []
    for listed in folders:
        start = listed.folder.resolve()
        prefix = os.path.relpath(start, base) if inside else str(start)
        prefix = "" if prefix == os.curdir else f"{prefix}/"
        table = pd.DataFrame([vars(row) for row in listed.listing.rows])
        table["path"] = prefix + table["path"]
        tables.append(table.assign(corpus=listed.adapter.name, language=listed.adapter.language))
    rows = pd.concat(tables, ignore_index=True).sort_values("path", ignore_index=True)
    rows = rows[[name for name in TEXT if rows[name].ne("").any()]]
    with atomic_write(file) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")
    return rows
