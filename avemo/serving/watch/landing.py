"""Which files of a folder are complete.

The folder is looked at again and again, because a network file system tells nobody of its changes.
"""

from __future__ import annotations

import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from ...corpus.folder import list_recordings
from ...media.suffixes import MEDIA_SUFFIXES

__all__ = ["LandedFile", "Landing"]

#: in the names that programs give to what they are still writing, before the suffix of media
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download")


@dataclass(frozen=True)
class LandedFile:
    """A complete file.

    Args:
        path: where it is
        below: its path below the folder
        size: in bytes
        changed_ns: when it was changed last
    """

    path: Path
    below: str
    size: int
    changed_ns: int

    @property
    def stamp(self) -> str:
        """What changes whenever the file is written anew, as a table can hold it."""
        below = self.below.encode(errors="backslashreplace").decode()
        return f"{below} {self.size} {self.changed_ns}"


class Landing:
    """Looks for files whose size and time of change stay the same.

    Empty files and names of unfinished files are left alone.

    Args:
        folder: with its subfolders
        settle_s: how long a file must stay the same, by this machine's clock

    Attributes:
        unusable: what has the name of a clip in the folder and is no file, or cannot be read, as
            the last `poll` found it
    """

    def __init__(self, folder: Path, settle_s: float) -> None:
        self._folder = folder
        self._settle_s = settle_s
        self._unchanged_since: dict[str, float] = {}
        self.unusable: list[Path] = []

    def poll(self, known: Container[str]) -> tuple[list[LandedFile], bool]:
        """Look at the folder once.

        Args:
            known: stamps of files that nobody needs again

        Returns:
            the complete files that are not known, and whether others may still be written to
        """
        now = time.monotonic()
        present = {file.stamp: file for file in self._list_files() if file.stamp not in known}
        self._unchanged_since = {stamp: self._unchanged_since.get(stamp, now) for stamp in present}
        complete = [
            file
            for stamp, file in present.items()
            if now - self._unchanged_since[stamp] >= self._settle_s
        ]
        return complete, len(complete) < len(present)

    def _list_files(self) -> list[LandedFile]:
        files = []
        self.unusable = []
        for path in list_recordings(self._folder, MEDIA_SUFFIXES, self.unusable.append):
            if path.name.startswith("~") or path.stem.lower().endswith(_UNFINISHED):
                continue
            try:
                status = path.stat()
            except OSError:  # it was moved away just now
                continue
            if status.st_size:
                below = str(path.relative_to(self._folder))
                files.append(LandedFile(path, below, status.st_size, status.st_mtime_ns))
        return files
