"""Folders of recordings, linked into the project rather than copied."""

import os
from collections.abc import Callable, Container, Iterator
from pathlib import Path, PurePath

from ..errors import CorpusError, join_names

__all__ = ["FETCHED", "has_plain_name", "link_file", "link_recordings", "list_recordings"]

#: below the recordings' folder, what a manifest says of each
FETCHED = "manifest.parquet"
_SUFFIXES = {".wav", ".mp4"}


def _ignore(path: Path) -> None:
    """Take what is left out."""


def list_recordings(
    folder: Path,
    suffixes: Container[str] = _SUFFIXES,
    report_unusable: Callable[[Path], None] = _ignore,
) -> Iterator[Path]:
    """Yield every .wav and .mp4 under a folder, in any nesting, sorted, without hidden files.

    Args:
        folder: is searched with its subfolders
        suffixes: of other files to yield instead, in small letters
        report_unusable: is called with each folder that cannot be read, and with what has such a
            suffix and is no file, such as a link that leads nowhere, or an empty folder
    """

    def report_folder(error: OSError) -> None:
        report_unusable(Path(error.filename))

    visited = set()  # a link may lead back up
    for base, folders, names in os.walk(folder, onerror=report_folder, followlinks=True):
        real = os.path.realpath(base)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        if not folders and not names and Path(base).suffix.lower() in suffixes:
            report_unusable(Path(base))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(base, name)
            if name.startswith(".") or file.suffix.lower() not in suffixes:
                continue
            if _is_file(file):
                yield file
            else:
                report_unusable(file)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its folder may not be entered
        return False


def has_plain_name(path: PurePath) -> bool:
    """Return whether a path can be written into a table: its bytes are UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def link_recordings(source: Path, target: Path) -> int:
    """Link every recording under one folder into another, at the same relative path; `link_file`.

    Returns:
        how many recordings there are

    Raises:
        CorpusError: the folder does not exist or holds no recording
    """
    if not source.is_dir():
        raise CorpusError(f"corpus.path: there is no folder {source}: set it in params.yaml")
    unusable: list[Path] = []
    files = list(list_recordings(source, report_unusable=unusable.append))
    if unusable:
        names = join_names([str(path) for path in unusable])
        raise CorpusError(
            f"in corpus.path, these cannot be read: {names}; permit it or take them out"
        )
    if unnamed := [str(file) for file in files if not has_plain_name(file)]:
        raise CorpusError(
            f"in corpus.path, the names of these are not UTF-8: {join_names(unnamed)}; rename them"
        )
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
