"""The files of registered versions in the user's cache, each checked whenever it is opened.

A folder is called by the version and by the checksum of its checksums, so that it can hold one
content alone.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..cache import is_writable
from ..errors import AvemoError
from ..io import atomic_write
from ..tracking import integrity, lookup

__all__ = ["get"]

#: a version that nobody has opened for so long is deleted
_UNUSED_S = 30 * 24 * 3600


def get(
    version: lookup.Version, pull: Callable[[lookup.Version, Path], None] | None = None
) -> Path:
    """Return the folder with a version's files, pulled where the cache does not have them.

    Where several processes ask for a version, one pulls it and the others wait. Where the cache
    cannot be written to, the folder is there until this process ends.

    Args:
        version: with checksums
        pull: writes its files to a new folder; by default they come from the registry

    Raises:
        AvemoError: the files cannot be pulled, or are not as they were registered
    """
    seal = version.tags[integrity.CHECKSUMS_TAG]
    folder = lookup.versions_folder() / f"{version.name}-{version.number}-{seal[:12]}"
    if not _is_intact(folder, seal):
        if not is_writable(folder.parent):
            return integrity.open_until_exit(version.uri)
        from filelock import FileLock

        with FileLock(f"{folder}.lock"):
            if not _is_intact(folder, seal):  # while this process waited
                with atomic_write(folder) as temporary:
                    (pull or _pull)(version, temporary)
                    integrity.require_unchanged(temporary, seal, version.uri)
                _delete_unused(folder.parent)
    with suppress(OSError):
        os.utime(folder)
    return folder


def _is_intact(folder: Path, seal: str) -> bool:
    """Return whether the cache has a version as it was registered."""
    try:
        return not integrity.find_changes(folder, seal)
    except FileNotFoundError:  # another process is just replacing it
        return False


def _pull(version: lookup.Version, target: Path) -> None:
    """Copy a version's files from where the registry has them."""
    location = urlsplit(version.location)
    source = Path(url2pathname(location.path)) if location.scheme == "file" else None
    if source and source.is_dir():
        shutil.copytree(source, target)
    elif source:
        raise integrity.missing_files_error(version.uri)
    elif "mlflow" in sys.modules:
        _download(version.uri, target)
    else:
        lookup.run_with_mlflow(__name__, version.uri, str(target))


def _download(uri: str, target: Path) -> None:
    import mlflow

    try:
        target.mkdir()
        mlflow.artifacts.download_artifacts(uri, dst_path=str(target))
    except (mlflow.MlflowException, OSError) as error:
        raise AvemoError(f"{uri} cannot be pulled: {str(error).splitlines()[0]}") from error


def _delete_unused(versions: Path) -> None:
    """Delete what nobody has opened for long."""
    for folder in versions.iterdir():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _UNUSED_S:
                if folder.is_dir():
                    shutil.rmtree(folder)
                else:
                    folder.unlink()


if __name__ == "__main__":
    gc.disable()  # as in `lookup`
    try:
        _download(sys.argv[1], Path(sys.argv[2]))
    except AvemoError as error:
        sys.exit(str(error))
