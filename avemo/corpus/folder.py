"""Folders of recordings, linked into the project rather than copied."""

import os
from collections.abc import Container, Iterator
from pathlib import Path

from ..errors import CorpusError

__all__ = ["FETCHED", "link_file", "link_recordings", "list_recordings"]

#: below the recordings' folder, what a manifest says of each
FETCHED = "manifest.parquet"
_SUFFIXES = {".wav", ".mp4"}


def list_recordings(folder: Path, suffixes: Container[str] = _SUFFIXES) -> Iterator[Path]:
    """Yield every .wav and .mp4 under a folder, in any nesting, sorted, without hidden files.

    Args:
        folder: is searched with its subfolders
        suffixes: of other files to yield instead, in small letters
    """
    visited = set()  # a link may lead back up
    for base, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(base)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(base, name)
            if not name.startswith(".") and file.suffix.lower() in suffixes and file.is_file():
                yield file


def link_recordings(source: Path, target: Path) -> int:
    """Link every recording under one folder into another, at the same relative path; `link_file`.

    Returns:
        how many recordings there are

    Raises:
        CorpusError: the folder does not exist or holds no recording
    """
    if not source.is_dir():
        raise CorpusError(f"corpus.path: there is no folder {source}: set it in params.yaml")
    files = list(list_recordings(source))
    for file in files:
        link_file(file, target / file.relative_to(source))
    if not files:
        raise CorpusError(
            f"no recordings under {source}: .wav and .mp4 files named like "
            "03-01-05-02-01-02-12.wav are expected; set corpus.path in params.yaml. Recordings "
            "of other corpora need corpus.source: manifest (`avemo corpus manifest --help`)"
        )
    return len(files)


def link_file(file: Path, path: Path) -> None:
    """Link a file at another path, whose folder is made where it is missing.

    The link is hard on one file system and symbolic across two; DVC then puts the content into its
    cache.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    original = file.resolve()
    try:
        path.hardlink_to(original)
    except OSError:
        path.symlink_to(original)
