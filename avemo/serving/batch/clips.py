"""Which clips a command line names: files, folders, patterns and lists."""

from __future__ import annotations

import csv
import glob
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...corpus.folder import list_recordings
from ...errors import SettingsError
from ...media.suffixes import MEDIA_SUFFIXES
from ..speakers.names import normalise_name

__all__ = ["NamedClip", "drop_repeated", "find_clips", "name_speaker"]

_LIST = "@"
_STANDARD_INPUT = "-"
#: of a table of clips, a row each
_TABLE = ".csv"
#: its columns
_PATH, _SPEAKER = "path", "speaker"


@dataclass(frozen=True)
class NamedClip:
    """A clip that a command line names.

    Args:
        file: its path, as it was named
        below: its path below the folder that was named; its name where it was named itself
        speaker: the person in it, as a table names them; empty where none does
    """

    file: str
    below: str
    speaker: str = ""


def find_clips(names: Iterable[str], lists: Iterable[str] = ()) -> list[NamedClip]:
    """Return the clips that names and lists stand for, in their order.

    A folder stands for the media files in it, in any nesting, and a pattern such as `*.wav` or
    `**/*.mp4` for what it matches, both sorted. `@FILE` stands for the names in a list, and so does
    a CSV file, which has a column `path` and may have a column `speaker`. What is
    none of these is a file, whether it exists or not; so are, in a folder, a link that leads
    nowhere, and a folder that may not be entered: each becomes a finding of its own.

    Args:
        names: files, folders, patterns, and `@` before the name of a list
        lists: files with a name on each line, or with NUL after each as `find -print0` writes
            them; `-` is the standard input; or CSV files

    Raises:
        SettingsError: a folder without media, a pattern without a match, a list that cannot be read
    """
    entries = (*names, *(f"{_LIST}{name}" for name in lists))
    return [clip for entry in entries for clip in _expand(entry)]


def name_speaker(clips: Iterable[NamedClip], speaker: str | None) -> list[NamedClip]:
    """Return clips with a speaker, those that a table gives none.

    Args:
        clips: as `find_clips` gives them
        speaker: whom a command line names; None for nobody

    Raises:
        SettingsError: it is no name
    """
    if speaker is None:
        return list(clips)
    name = normalise_name(speaker)
    return [clip if clip.speaker else replace(clip, speaker=name) for clip in clips]


def drop_repeated(clips: Iterable[NamedClip]) -> list[NamedClip]:
    """Return each file once, where it was named first.

    Raises:
        SettingsError: it is named as of two speakers
    """
    unique: dict[Path, NamedClip] = {}
    for clip in clips:
        first = unique.setdefault(Path(clip.file).absolute(), clip)
        if first.speaker != clip.speaker:
            raise SettingsError(
                f"{clip.file} is named twice, with the speakers {first.speaker or 'none'} and "
                f"{clip.speaker or 'none'}: one is expected"
            )
    return list(unique.values())


def _expand(name: str) -> Iterator[NamedClip]:
    path = Path(name)
    if _is_folder(path):
        yield from _list_folder(path)
    elif _is_table(name):
        yield from _read_table(path if os.path.lexists(name) else Path(name.removeprefix(_LIST)))
    elif name.startswith(_LIST) and not os.path.lexists(name):
        for entry in _read_list(name.removeprefix(_LIST)):
            yield from _expand(entry)
    elif glob.has_magic(name) and not os.path.lexists(name):
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # absolute patterns, too
        if not matches:
            raise SettingsError(f"nothing matches {name}")
        for match in matches:
            if not _is_folder(Path(match)):
                yield NamedClip(match, Path(match).name)
    else:
        yield NamedClip(name, path.name)


def _list_folder(folder: Path) -> Iterator[NamedClip]:
    unusable: list[Path] = []
    files = sorted([*list_recordings(folder, MEDIA_SUFFIXES, unusable.append), *unusable])
    if not files:
        raise SettingsError(
            f"{folder} holds no media: files whose names end in .mp4, .wav, .webm or another "
            "suffix of sound or video are expected; name a file itself if its suffix is another"
        )
    for file in files:
        below = file.name if file == folder else str(file.relative_to(folder))
        yield NamedClip(str(file), below)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a name that is too long: reading it says so, in a line of its own
        return False


def _read_list(name: str) -> list[str]:
    try:
        standard_input = name == _STANDARD_INPUT
        content = sys.stdin.buffer.read() if standard_input else Path(name).read_bytes()
    except OSError as error:
        raise SettingsError(
            f"the list {name} cannot be read ({error.strerror}): expected is a file with a name "
            "on each line"
        ) from None
    parts = content.split(b"\0") if b"\0" in content else content.splitlines()
    entries = [os.fsdecode(part) for part in parts if part.strip()]
    if not entries:
        raise SettingsError(f"the list {name} is empty: expected is a name on each line")
    return entries


def _is_table(name: str) -> bool:
    """Return whether a name is that of a table, and no pattern that may match several."""
    is_pattern = glob.has_magic(name) and not os.path.lexists(name)
    return name.lower().endswith(_TABLE) and not is_pattern


def _read_table(file: Path) -> Iterator[NamedClip]:
    """Yield the clips of a CSV file, a row each; paths start from its folder, as in a manifest."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"the table {file} cannot be read: {reason}") from None
    if not rows or _PATH not in rows[0]:
        raise SettingsError(
            f"the table {file} has no rows with a column {_PATH}: CSV is expected, with the "
            f"columns {_PATH} and, where answers adapt to people, {_SPEAKER}"
        )
    for number, row in enumerate(rows, start=2):
        if not (path := (row[_PATH] or "").strip()):
            raise SettingsError(f"the table {file} names no {_PATH} in line {number}")
        speaker = (row.get(_SPEAKER) or "").strip()
        try:
            speaker = normalise_name(speaker) if speaker else ""
        except SettingsError as error:
            raise SettingsError(f"the table {file}, line {number}: {error}") from None
        yield NamedClip(str(file.parent / path), Path(path).name, speaker)
