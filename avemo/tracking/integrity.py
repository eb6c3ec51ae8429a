"""Every file of a registered version, against the checksum that it was registered with.

`checksums.json` stands among the version's files, and the checksum of that file is a tag of the
version: who changes a file, or the list, would have to change what is in the database too.
"""

import atexit
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import AvemoError, join_names
from .address import TRACKING_URI, hide_password

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

__all__ = [
    "ADDED_LATER",
    "BOM_FILE",
    "BYTECODE",
    "CHECKSUMS_FILE",
    "CHECKSUMS_TAG",
    "PROVENANCE_FILE",
    "REGISTER_AGAIN",
    "SHADOW_FILE",
    "SIGNATURE_FILE",
    "SIGNATURE_TAG",
    "UNSIGNED",
    "bytecode_folders",
    "compute_checksums",
    "compute_sha256",
    "delete_bytecode",
    "download_files",
    "find_changes",
    "find_version",
    "logged_model_id",
    "missing_files_error",
    "open_until_exit",
    "open_verified",
    "require_unchanged",
    "require_version",
    "seal_model",
    "verify_version",
]

CHECKSUMS_FILE = "checksums.json"
#: of the version: the checksum of `CHECKSUMS_FILE`
CHECKSUMS_TAG = "avemo.checksums"
#: of a signed version: the checksum of `SIGNATURE_FILE`
SIGNATURE_TAG = "avemo.signature"
SIGNATURE_FILE = "model.sig"
PROVENANCE_FILE = "provenance.intoto.json"
BOM_FILE = "bom.cdx.json"
#: how a version answered beside the champion, see `registry.shadow_report`
SHADOW_FILE = "shadow.json"
#: files that no signature covers: from MLflow when it opens a version, from the gate, from a
#: service that compares it with the champion, and itself
UNSIGNED = ("registered_model_meta", "check.json", "check.md", SHADOW_FILE, SIGNATURE_FILE)
#: files that come after the version is made, so that `CHECKSUMS_FILE` has none of them
ADDED_LATER = (*UNSIGNED, PROVENANCE_FILE, BOM_FILE)

#: the stage alone: without --single-item, DVC would compute again all that comes before it
REGISTER_AGAIN = "dvc repro --force --single-item register"

#: the folder in which Python keeps the bytecode of the files beside it
BYTECODE = "__pycache__"

_OPEN_FOLDERS = ExitStack()
atexit.register(_OPEN_FOLDERS.close)


def compute_checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a version, by its path below the folder."""
    return {
        name: compute_sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and (name := file.relative_to(folder).as_posix()) not in (CHECKSUMS_FILE, *ADDED_LATER)
    }


def download_files(uri: str, target: Path) -> Path:
    """Copy a version's files from where the registry has them, without Python's bytecode.

    MLflow opens a version of a store on this machine where it lies, and Python then keeps the
    bytecode of its code there. No registered file is changed by that, and no copy is to run it:
    nothing says that it is of that code.

    Args:
        uri: of the version or the logged model
        target: a folder

    Returns:
        the folder with the files

    Raises:
        MlflowException: there is no such model
    """
    import mlflow

    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(target)))
    delete_bytecode(folder)
    return folder


def delete_bytecode(copy: Path) -> None:
    """Delete Python's bytecode from a copy of a version's files."""
    for folder in [*copy.rglob(BYTECODE)]:
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)


def bytecode_folders(names: Iterable[str]) -> list[str]:
    """Return where Python keeps the bytecode of files.

    Args:
        names: paths below a version's folder
    """
    modules = [PurePosixPath(name) for name in names if name.endswith(".py")]
    return sorted({str(module.parent / BYTECODE) for module in modules})


def seal_model(model_id: str) -> str:
    """Put `checksums.json` beside the files of a logged model that is complete.

    The files are read back from the store, so that the checksums are of what arrived there.

    Returns:
        the value of the version's tag `CHECKSUMS_TAG`
    """
    import mlflow

    with tempfile.TemporaryDirectory() as temporary:
        folder = download_files(f"models:/{model_id}", Path(temporary))
        file = Path(temporary, CHECKSUMS_FILE)
        checksums = compute_checksums(folder)
        file.write_text(json.dumps(checksums, indent=1) + "\n", encoding="utf-8")
        mlflow.MlflowClient().log_model_artifact(model_id, str(file))
        return compute_sha256(file)


def find_changes(folder: Path, seal: str | None) -> list[str]:
    """Return in words which files are not as they were registered; nothing where all are.

    Args:
        folder: a version's files
        seal: the version's `CHECKSUMS_TAG`; None where there is no version, such as for `runs:/`
    """
    file = folder / CHECKSUMS_FILE
    if _is_empty(folder):
        return ["none of its files is there any more"]
    if not file.is_file():
        return [f"{CHECKSUMS_FILE} is missing"]
    if seal is not None and compute_sha256(file) != seal:
        return [f"{CHECKSUMS_FILE} is changed"]
    registered = json.loads(file.read_text(encoding="utf-8"))
    current = compute_checksums(folder)
    return [
        f"{name} is {'missing' if name not in current else 'changed'}"
        for name, checksum in registered.items()
        if current.get(name) != checksum
    ] + [f"{name} is new" for name in current if name not in registered]


def require_unchanged(folder: Path, seal: str | None, uri: str) -> None:
    """Refuse a version's files that are not as they were registered.

    Args:
        folder: as `find_changes` takes it
        seal: likewise
        uri: of the version, for the message

    Raises:
        AvemoError: a file was changed, removed or added; or none is left, which is no sign that
            somebody changed the model
    """
    if _is_empty(folder):
        raise missing_files_error(uri)
    if changes := find_changes(folder, seal):
        raise AvemoError(
            f"{uri} is not as it was registered: {join_names(changes)}; register it again "
            f"({REGISTER_AGAIN}), or go back to another: avemo registry rollback"
        )


def missing_files_error(uri: str) -> AvemoError:
    """Return the error of a version whose files are not in the tracking store."""
    return AvemoError(
        f"{uri} is registered at {hide_password(os.environ[TRACKING_URI])}, and none of its files "
        "is there any more: bring back mlruns/artifacts from a copy, register it again "
        f"({REGISTER_AGAIN}), or go back to another: avemo registry rollback"
    )


@contextmanager
def open_verified(uri: str) -> Iterator[Path]:
    """Yield a copy of a model's files, after a check that they are as they were registered.

    A version that was registered without checksums is opened as it is; the gate refuses it.

    Args:
        uri: as MLflow takes it: `models:/avemo-audio@champion`, `models:/avemo-audio/3`, `runs:/…`

    Raises:
        AvemoError: a file was changed, removed or added
        MlflowException: there is no such model
    """
    version = find_version(uri)
    seal = version.tags.get(CHECKSUMS_TAG) if version else None
    # it may be deleted when the process ends, where an error would have no line of its own
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = download_files(uri, Path(temporary))
        if seal or (folder / CHECKSUMS_FILE).exists():
            require_unchanged(folder, seal, uri)
        yield folder


def open_until_exit(uri: str) -> Path:
    """Return a folder as `open_verified` yields it, which stays until the process ends.

    A model imports its own code when it first needs it.

    Raises:
        AvemoError, MlflowException: as `open_verified` does
    """
    return _OPEN_FOLDERS.enter_context(open_verified(uri))


def verify_version(version: "ModelVersion") -> list[str]:
    """Return in words which files of a version are not as they were registered.

    A signature is compared with its tag; whose it is, `signature.find_signature_problem` tells.
    """

    if CHECKSUMS_TAG not in version.tags:
        return ["it was registered without checksums"]
    uri = f"models:/{version.name}/{version.version}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = download_files(uri, Path(temporary))
        return [
            *find_changes(folder, version.tags[CHECKSUMS_TAG]),
            *_find_signature_change(folder, version.tags.get(SIGNATURE_TAG, "")),
        ]


def _find_signature_change(folder: Path, digest: str) -> list[str]:
    file = folder / SIGNATURE_FILE
    if not digest or (file.is_file() and compute_sha256(file) == digest):
        return []
    return [f"{SIGNATURE_FILE} is {'changed' if file.is_file() else 'missing'}"]


def logged_model_id(version: "ModelVersion") -> str:
    """Return the logged model that has a version's files; a copied version has the original's."""
    import mlflow

    while "/" in (source := str(version.source).removeprefix("models:/")):
        version = mlflow.MlflowClient().get_model_version(*source.rsplit("/", 1))
    return source


def find_version(uri: str) -> "ModelVersion | None":
    """Return the registered version that a URI names; None where it names none."""
    import mlflow

    if not uri.startswith("models:/"):
        return None
    name, at, alias = uri.removeprefix("models:/").partition("@")
    client = mlflow.MlflowClient()
    try:
        if at:
            return client.get_model_version_by_alias(name, alias)
        if "/" in name:
            return client.get_model_version(*name.split("/", 1))
    except mlflow.MlflowException:
        pass
    return None


def require_version(uri: str) -> "ModelVersion":
    """Return the registered version that a URI names.

    Raises:
        AvemoError: it names none
    """
    version = find_version(uri)
    if version is None:
        raise AvemoError(f"there is no {uri}: `avemo status` lists what is registered")
    return version


def _is_empty(folder: Path) -> bool:
    """Return whether none of the files that were registered is there."""
    return not any(file.is_file() and file.name not in ADDED_LATER for file in folder.rglob("*"))


def compute_sha256(file: Path) -> str:
    """Return the SHA-256 of a file, which is read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
