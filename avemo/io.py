"""Files that appear whole or not at all."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["whole"]


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path beside the target to write a file or folder at; renamed to it if all went well.

    A folder that stands at the target already is replaced. A failed attempt leaves nothing behind;
    what a killed one left goes with the next.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        process = int(left.name.split(".")[-2])
        if process == os.getpid() or not _alive(process):
            _remove(left)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield beside
        beside.lstat()  # before the old goes, see that the new is there
        if target.is_dir() and not target.is_symlink():
            _remove(target)
        beside.replace(target)
    finally:
        _remove(beside)


def _alive(process: int) -> bool:
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
