"""The user's cache: where it is, and what takes its place where nothing can be written to it."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["CACHE", "cache_folder", "is_writable", "temporary_folder", "writable_cache_folder"]

#: names the cache folder
CACHE = "AVEMO_CACHE"


def cache_folder() -> Path:
    """Return the cache folder: what `AVEMO_CACHE` names, or the user's own cache."""
    if named := os.environ.get(CACHE):
        return Path(named).expanduser().absolute()
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("avemo"))
    # a user without a home has one that begins with `~`
    return folder if folder.is_absolute() else temporary_folder()


def writable_cache_folder() -> Path:
    """Return the cache folder, or where the user has none, one among the temporary files.

    A folder that `AVEMO_CACHE` names is taken as it is, because somebody expects the files there.
    """
    folder = cache_folder()
    return folder if CACHE in os.environ or is_writable(folder) else temporary_folder()


def is_writable(folder: Path) -> bool:
    """Return whether files can be made in a folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def temporary_folder() -> Path:
    """Return a folder that is the user's alone, and the same for all of the user's processes."""
    folder = Path(tempfile.gettempdir(), f"avemo-{os.getuid()}")
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid == os.getuid() and status.st_mode & 0o7777 == 0o700 and folder.is_dir():
            return folder
    return Path(tempfile.mkdtemp(prefix="avemo-"))  # somebody else has a folder of that name
