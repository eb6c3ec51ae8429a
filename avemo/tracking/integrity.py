"""Every file of a registered version, against the checksum that it was registered with.

`checksums.json` stands among the version's files, and the checksum of that file is a tag of the
version: who changes a file, or the list, would have to change what is in the database too.
"""

import atexit
import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..errors import AvemoError, join_names

__all__ = [
    "FILE",
    "LATER",
    "TAG",
    "changes",
    "model_id",
    "opened",
    "record",
    "seal",
    "verified",
    "version_of",
]

FILE = "checksums.json"
#: of the version: the checksum of `FILE`
TAG = "avemo.checksums"
#: what comes after the version is made: from MLflow when it opens one, and from the gate
LATER = ("registered_model_meta", "check.json", "check.md")

_KEPT = ExitStack()
atexit.register(_KEPT.close)


def record(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a version, by its path below the folder."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and (name := file.relative_to(folder).as_posix()) not in (FILE, *LATER)
    }


def seal(model_id: str) -> str:
    """Put `checksums.json` beside the files of a logged model that is complete.

    The files are read back from the store, so that what is recorded is what arrived there.

    Returns:
        what the version's tag `TAG` must be
    """
    import mlflow

    with tempfile.TemporaryDirectory() as temporary:
        folder = mlflow.artifacts.download_artifacts(f"models:/{model_id}", dst_path=temporary)
        list_ = Path(temporary, FILE)
        list_.write_text(json.dumps(record(Path(folder)), indent=1) + "\n", encoding="utf-8")
        mlflow.MlflowClient().log_model_artifact(model_id, str(list_))
        return hashlib.sha256(list_.read_bytes()).hexdigest()


def changes(folder: Path, tag: str | None) -> list[str]:
    """What is not as it was registered, in words; empty where everything is.

    Args:
        folder: a version's files
        tag: the version's `TAG`; None where there is no version to ask, such as for `runs:/`
    """
    list_ = folder / FILE
    if not list_.is_file():
        return [f"{FILE} is missing"]
    if tag is not None and hashlib.sha256(list_.read_bytes()).hexdigest() != tag:
        return [f"{FILE} is changed"]
    expected, found = json.loads(list_.read_text(encoding="utf-8")), record(folder)
    return [
        f"{name} is {'missing' if name not in found else 'changed'}"
        for name, checksum in expected.items()
        if found.get(name) != checksum
    ] + [f"{name} is new" for name in found if name not in expected]


@contextmanager
def opened(uri: str) -> Iterator[Path]:
    """A copy of a model's files, which are as they were registered.

    Versions from before there were checksums are opened as they are; the gate asks for them.

    Args:
        uri: as MLflow takes it: `models:/avemo-audio@champion`, `models:/avemo-audio/3`, `runs:/…`

    Raises:
        AvemoError: a file was changed, removed or added
        MlflowException: there is no such model
    """
    import mlflow

    version = version_of(uri)
    tag = version.tags.get(TAG) if version else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=temporary))
        found = changes(folder, tag) if tag or (folder / FILE).exists() else []
        if found:
            raise AvemoError(
                f"{uri} is not as it was registered: {join_names(found)}; register it again "
                "(dvc repro --force register), or go back to another: avemo registry rollback"
            )
        yield folder


def kept(uri: str) -> Path:
    """As `opened`, until the process ends: a model imports its own code when it first needs it.

    Raises:
        AvemoError, MlflowException: as `opened` does
    """
    return _KEPT.enter_context(opened(uri))


def verified(version: Any) -> list[str]:
    """What of a registered version is not as it was registered; empty where everything is."""
    import mlflow

    if TAG not in version.tags:
        return ["it was registered without checksums"]
    uri = f"models:/{version.name}/{version.version}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = mlflow.artifacts.download_artifacts(uri, dst_path=temporary)
        return changes(Path(folder), version.tags[TAG])


def model_id(version: Any) -> str:
    """The logged model whose files a version has; that of a copy is the original's."""
    import mlflow

    while "/" in (source := str(version.source).removeprefix("models:/")):
        version = mlflow.MlflowClient().get_model_version(*source.rsplit("/", 1))
    return source


def version_of(uri: str) -> Any:
    """The registered version that a URI names; None where it names none, or there is none."""
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
