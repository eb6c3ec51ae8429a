"""Files that appear complete or not at all."""

import glob
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_write"]

_MAX_NAME_BYTES = 220


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a path beside the target for a new file or folder, and rename it to the target.

    It replaces a file or folder that is at the target. A failed attempt leaves nothing behind; the
    next attempt removes the leftovers of a killed process.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    name = _short_name(target.name)
    for leftover in target.parent.glob(f".{glob.escape(name)}.*.part"):
        process = int(leftover.name.split(".")[-2])
        if process == os.getpid() or not _is_alive(process):
            _remove(leftover)
    temporary = target.with_name(f".{name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.lstat()  # fails here, before the old one goes, if nothing was written
        if target.is_dir() and not target.is_symlink():
            _remove(target)
        temporary.replace(target)
    finally:
        _remove(temporary)


def _short_name(name: str) -> str:
    """Return a name to which a prefix and a suffix can be added; file systems take 255 bytes."""
    encoded = os.fsencode(name)
    if len(encoded) <= _MAX_NAME_BYTES:
        return name
    return hashlib.sha256(encoded).hexdigest()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
