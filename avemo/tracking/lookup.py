"""The registered versions that URIs name, without MLflow in this process where it is not here yet.

Its import takes longer than an answer, and as much memory. So a tracking server is asked by its
REST API, and a SQLite file is read as it is. Where neither will do, MLflow is asked in a process of
its own; what it says of a SQLite file is kept in the user's cache.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..cache import cache_folder
from ..errors import AvemoError, last_line
from ..io import atomic_write
from . import rest, sqlite_lookup, store
from .address import sqlite_file
from .integrity import CHECKSUMS_TAG, SIGNATURE_TAG

__all__ = [
    "CLASSES_TAG",
    "CORPUS_TAG",
    "Version",
    "find_versions",
    "run_with_mlflow",
    "version_address",
    "version_label",
    "versions_folder",
]

#: of a version: the emotions that it tells apart, joined by commas
CLASSES_TAG = "avemo.classes"
#: of a version, before the name of a corpus: how it does on people of that corpus, in a sentence
CORPUS_TAG = "avemo.corpora."
#: the URIs that name a version, by an alias or by its number
_URI = re.compile(r"models:/(?P<name>[^/@]+)(@(?P<alias>.+)|/(?P<number>\d+))")
_SQLITE_HEADER_BYTES = 100  # they count the file's changes


def version_label(name: str, number: str) -> str:
    """Return how people read which version it is: `avemo-fused version 3`."""
    return f"{name} version {number}"


def version_address(name: str, version: str) -> str:
    """Return the URI of a version: `models:/avemo-fused/3`, or `models:/avemo-fused@candidate`.

    Args:
        name: of the registered model
        version: its number or its alias
    """
    return f"models:/{name}{'/' if version.isdecimal() else '@'}{version}"


class Version(NamedTuple):
    """A registered version.

    Args:
        name: of the registered model
        number: of the version
        tags: of the version
        location: URI of the folder with its files; may be empty
    """

    name: str
    number: str
    tags: dict[str, str]
    location: str = ""

    @property
    def uri(self) -> str:
        """`models:/NAME/NUMBER`, which never means another version."""
        return f"models:/{self.name}/{self.number}"

    @property
    def label(self) -> str:
        """`avemo-fused version 3`, as people read it."""
        return version_label(self.name, self.number)

    @property
    def seal(self) -> str:
        """The checksum of its files' checksums; empty for a version without."""
        return self.tags.get(CHECKSUMS_TAG, "")

    @property
    def signature(self) -> str:
        """The checksum of its signature; empty for a version that nobody has signed."""
        return self.tags.get(SIGNATURE_TAG, "")

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that it tells apart, in its order; empty for one of an older release."""
        return tuple(filter(None, self.tags.get(CLASSES_TAG, "").split(",")))

    @property
    def other_corpora(self) -> dict[str, str]:
        """By corpus, how it does on people of that corpus, in a sentence."""
        return {
            key.removeprefix(CORPUS_TAG): value
            for key, value in sorted(self.tags.items())
            if key.startswith(CORPUS_TAG)
        }

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on the synthetic sample, so that predictions mean nothing."""
        return "synthetic" in self.tags.get("avemo.corpus", "")


#: by URI; None where it names no version
Versions = dict[str, Version | None]


def versions_folder() -> Path:
    """Return the folder of what is kept of registries, in the user's cache."""
    return cache_folder() / "versions"


def find_versions(uris: Sequence[str]) -> Versions:
    """Return the version that each URI names.

    Args:
        uris: as MLflow takes them, such as `models:/avemo-audio@champion`

    Raises:
        AvemoError: the tracking store cannot be asked
    """
    named = [uri for uri in uris if _URI.fullmatch(uri)]
    address = os.environ[store.TRACKING_URI]
    versions: Versions | None = None
    if not named:
        versions = {}
    elif "mlflow" in sys.modules:
        versions = _ask_mlflow(named)
    elif address.startswith(("http://", "https://")):
        versions = _ask_server(address, named)
    elif (file := sqlite_file(address)) and not os.environ.get("MLFLOW_REGISTRY_URI"):
        versions = _ask_file(file, named)
    if versions is None:
        versions = _ask_process(named)
    return {uri: versions.get(uri) for uri in uris}


def run_with_mlflow(module: str, *arguments: str) -> str:
    """Run a module in a process of its own, and return what it wrote to the standard output.

    Raises:
        AvemoError: it failed; the message is the last line of its errors
    """
    process = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise AvemoError(last_line(process.stderr))
    return process.stdout


def _ask_mlflow(uris: Sequence[str]) -> Versions:
    import mlflow

    from .integrity import find_version

    client = mlflow.MlflowClient()
    versions: Versions = {}
    for uri in uris:
        versions[uri] = None
        if version := find_version(uri):
            name, number = version.name, str(version.version)
            location = client.get_model_version_download_uri(name, number)
            versions[uri] = Version(name, number, dict(version.tags), location)
    return versions


def _ask_process(uris: Sequence[str]) -> Versions:
    """Ask MLflow in a process of its own, whose memory is free again when it ends."""
    return _from_json(json.loads(last_line(run_with_mlflow(__name__, *uris))))


def _ask_server(address: str, uris: Sequence[str]) -> Versions | None:
    """Return what the server answers; None where MLflow must ask instead."""
    versions: Versions = {}
    for uri in uris:
        match = _URI.fullmatch(uri)
        assert match, uri
        name, alias, number = match.group("name", "alias", "number")
        if alias:
            answer = rest.ask(address, "registered-models/alias", name=name, alias=alias)
        else:
            answer = rest.ask(address, "model-versions/get", name=name, version=number)
        if answer is None:
            return None
        fields = answer.get("model_version")
        versions[uri] = fields and Version(
            fields["name"],
            str(fields["version"]),
            {tag["key"]: tag["value"] for tag in fields.get("tags", [])},
        )
    return versions


def _ask_file(database: Path, uris: Sequence[str]) -> Versions | None:
    """Return what a SQLite file holds.

    Where MLflow must be asked, what it says is kept, and holds until somebody writes to the file.
    """
    stored = _read_database(database, uris)
    if stored is not None:
        return stored
    state = _file_state(database)
    if state is None:
        return None
    digest = hashlib.sha256(os.fsencode(database.absolute())).hexdigest()
    file = versions_folder() / f"lookups-{digest[:12]}.json"
    versions = _read_lookups(file, state)
    if unknown := [uri for uri in uris if uri not in versions]:
        versions |= _ask_process(unknown)
        lookups = json.dumps({"state": state, "versions": _to_json(versions)})
        with suppress(OSError), atomic_write(file) as temporary:
            temporary.write_text(lookups, encoding="utf-8")
    return versions


def _read_database(file: Path, uris: Sequence[str]) -> Versions | None:
    """Return what MLflow's tables say; None where MLflow must be asked."""
    matches = [_URI.fullmatch(uri) for uri in uris]
    questions = [
        sqlite_lookup.Question(match["name"], match["alias"] or "", match["number"] or "")
        for match in matches
        if match
    ]
    stored = sqlite_lookup.read_versions(file, questions)
    if stored is None:
        return None
    return {uri: own and Version(*own) for uri, own in zip(uris, stored, strict=True)}


def _file_state(file: Path) -> list[str | int] | None:
    """Return what changes with each write to a database; None where that cannot be told.

    That is where changes are in a file beside it: SQLite's write-ahead log.
    """
    try:
        status = file.stat()
        with file.open("rb") as stream:
            header = stream.read(_SQLITE_HEADER_BYTES).hex()
    except OSError:
        return None
    if file.with_name(f"{file.name}-wal").exists():
        return None
    return [str(file.absolute()), status.st_ino, status.st_size, status.st_mtime_ns, header]


def _read_lookups(file: Path, state: list[str | int]) -> Versions:
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        return _from_json(fields["versions"]) if fields["state"] == state else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _to_json(versions: Versions) -> dict[str, dict[str, object] | None]:
    return {uri: version and version._asdict() for uri, version in versions.items()}


def _from_json(fields: dict[str, dict[str, Any] | None]) -> Versions:
    return {uri: Version(**version) if version else None for uri, version in fields.items()}


def _main(uris: Sequence[str]) -> None:
    store.quieten_mlflow()
    sys.stdout.write(f"{json.dumps(_to_json(_ask_mlflow(uris)))}\n")


if __name__ == "__main__":
    gc.disable()  # it takes a seventh of MLflow's import, and this process is about to end
    try:
        _main(sys.argv[1:])
    except AvemoError as error:
        sys.exit(str(error))
