"""Files that take seconds to make: one process makes each, and all tests of a run share it."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

__all__ = ["made_once", "share_folder"]

_folders: list[Path] = []


def share_folder(folder: Path) -> None:
    """Keep the files in a folder, which all processes of a run name."""
    _folders[:] = [folder]


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the file of a name, which nobody may change.

    Args:
        name: the same in every process
        make: writes it to a path with the same suffix, where no process has yet
    """
    (folder,) = _folders
    folder.mkdir(exist_ok=True)
    file = folder / name
    with FileLock(folder / f"{name}.lock"):
        if not file.exists():
            unfinished = folder / f"unfinished-{name}"
            make(unfinished)
            unfinished.rename(file)
    return file
