"""The files of registered versions in the user's cache, each checked whenever it is opened.

A folder is called by the version and by the checksum of its checksums, so that it can hold one
content alone. Where a signature is required, it is checked once for each content and key: a file
beside the folder says so.
"""

from __future__ import annotations

import gc
import os
import re
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
from ..tracking.keys import PublicKey

__all__ = ["get"]

#: a version that nobody has opened for so long is deleted
_UNUSED_S = 30 * 24 * 3600
_SEAL = re.compile("[0-9a-f]{64}")


#: writes a version's files to a new folder
Pull = Callable[[lookup.Version, Path], None]


def get(
    version: lookup.Version, pull: Pull | None = None, *, require_key: PublicKey | None = None
) -> Path:
    """Return the folder with a version's files, pulled where the cache does not have them.

    Where several processes ask for a version, one pulls it and the others wait. Where the cache
    cannot be written to, the folder is there until this process ends.

    Args:
        version: with checksums
        pull: writes its files to a new folder; by default they come from the registry
        require_key: that must have signed them; None where no signature is required

    Raises:
        AvemoError: the files cannot be pulled, are not as they were registered, or are not signed
            with the required key
    """
    seal = version.tags[integrity.CHECKSUMS_TAG]
    if not _SEAL.fullmatch(seal):  # it becomes a part of a path
        raise AvemoError(f"{version.uri}: its tag {integrity.CHECKSUMS_TAG} holds no SHA-256")
    folder = lookup.versions_folder() / f"{version.name}-{version.number}-{seal[:12]}"
    if not _is_intact(folder, seal):
        if not is_writable(folder.parent):
            return _open_uncached(version, require_key)
        from filelock import FileLock

        with FileLock(f"{folder}.lock"):
            if not _is_intact(folder, seal):  # while this process waited
                _replace(folder, version, pull or _pull)
                _delete_unused(folder.parent)
    if require_key:
        _require_signature(folder, version, pull or _pull, require_key)
    with suppress(OSError):
        os.utime(folder)
    return folder


def _replace(folder: Path, version: lookup.Version, pull: Pull) -> None:
    with atomic_write(folder) as temporary:
        pull(version, temporary)
        integrity.require_unchanged(temporary, version.seal, version.uri)


def _open_uncached(version: lookup.Version, require_key: PublicKey | None) -> Path:
    folder = integrity.open_until_exit(version.uri)
    if require_key:
        from ..tracking import signature

        signature.require_signature(folder, require_key, version.label)
    return folder


def _require_signature(folder: Path, version: lookup.Version, pull: Pull, key: PublicKey) -> None:
    """Check the signature of a folder whose files are as they were registered.

    The files are pulled again where the signature does not hold: a version may be signed, or signed
    anew, after it was pulled.
    """
    checked = folder.with_name(f"{folder.name}.signed-{key.fingerprint[:12]}")
    content = f"{version.seal} {key.fingerprint}\n"
    if _read(checked) == content and not key.find_validity_problem():
        with suppress(OSError):
            os.utime(checked)
        return
    from filelock import FileLock

    from ..tracking import signature

    if not is_writable(folder.parent):
        signature.require_signature(folder, key, version.label)
        return
    with FileLock(f"{folder}.lock"):
        if signature.find_signature_problem(folder, key):
            _replace(folder, version, pull)
            signature.require_signature(folder, key, version.label)
        with atomic_write(checked) as temporary:
            temporary.write_text(content, encoding="utf-8")


def _read(file: Path) -> str:
    """Return a file's text; nothing where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


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
        integrity.delete_bytecode(target)
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
        integrity.download_files(uri, target)
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
