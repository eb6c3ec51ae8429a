"""Keep the report of a comparison: in a file of this machine, and with the version.

A service runs this in a process of its own: the intervals take time of the processor and, where the
registry is a server, MLflow takes as much memory as the service. The standard input is what the
service has noted.
"""

import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..cache import cache_folder
from ..errors import AvemoError, SettingsError
from ..paths import find_project
from ..tracking import lookup, store
from ..tracking.address import sqlite_file
from ..tracking.integrity import (
    CHECKSUMS_TAG,
    SHADOW_FILE,
    find_version,
    logged_model_id,
    require_version,
)
from ..tracking.lookup import Version, version_address, version_label
from .aliases import CHAMPION
from .shadow_figures import make_report
from .shadow_report import ShadowClips, ShadowReport, read_report

__all__ = ["StoredReport", "find_report", "local_folder", "read_stored_report", "store_report"]

_IN_REGISTRY = "--registry"


@dataclass(frozen=True)
class StoredReport:
    """The report of a version, and whether it still counts.

    Args:
        report: of the version
        in_registry: it stands among the version's files; else this machine alone has it
        candidate_seal: the checksum of the version's checksums
        champion_seal: the same of the champion; empty where there is none
    """

    report: ShadowReport
    in_registry: bool
    candidate_seal: str
    champion_seal: str


def find_report(name: str, version: str) -> StoredReport:
    """Return the report of a version, the registry's or else this machine's.

    Args:
        name: of the registered model
        version: its alias or its number

    Raises:
        AvemoError: there is no such version, or no report of it, or it is cut
    """
    uri = version_address(name, version)
    candidate, champion = require_version(uri), find_version(f"models:/{name}@{CHAMPION}")
    seals = [own.tags.get(CHECKSUMS_TAG, "") if own else "" for own in (candidate, champion)]
    number = str(candidate.version)
    report = read_stored_report(name, number)
    if report:
        return StoredReport(report, True, *seals)
    report = read_report(local_folder(name, number))
    if report is None or report.candidate.seal != seals[0]:
        raise AvemoError(
            f"{version_label(name, number)} was not compared: avemo serve --shadow {version}"
        )
    return StoredReport(report, False, *seals)


def local_folder(name: str, number: str) -> Path:
    """Return the folder where this machine keeps the report of a version, whatever the registry.

    It is the project's, else in the user's cache.
    """
    try:
        folder = find_project().shadow_reports
    except SettingsError:
        folder = cache_folder() / "shadow"
    return folder / f"{name}-{number}"


def store_report(report: ShadowReport) -> None:
    """Put a report among the files of its candidate; one of more clips of both versions stays.

    The file appears whole or not at all: where the registry's files are on this machine, it is
    renamed, else the store takes it as a whole.

    Raises:
        AvemoError: the version is not in the registry, or nothing can be written there
    """
    version = _find(report.candidate.name, report.candidate.number)
    earlier = None
    with suppress(AvemoError):  # one that is cut is replaced
        earlier = _read(version)
    if earlier and not report.outdates(earlier):
        return
    try:
        if folder := _folder_here(version.location):
            _write(report, folder)
        else:
            _upload(report, version.uri)
    except OSError as error:
        raise AvemoError(f"{version.uri}: {SHADOW_FILE} cannot be written: {error}") from error


def read_stored_report(name: str, number: str) -> ShadowReport | None:
    """Return the report that the registry has of a version; None where it has none.

    Args:
        name: of the registered model
        number: of the version

    Raises:
        AvemoError: it is cut or damaged, or there is no such version
    """
    return _read(_find(name, number))


def _find(name: str, number: str) -> Version:
    """Return a version, by the registry's tables or the server's REST API where that will do."""
    uri = f"models:/{name}/{number}"
    address = os.environ[store.TRACKING_URI]
    file = sqlite_file(address)
    if file and not file.exists():  # MLflow would create it
        raise AvemoError(f"{address} does not exist")
    version = lookup.find_versions([uri])[uri]
    if version is None:
        raise AvemoError(f"{uri} is not in the registry any more")
    return version


def _read(version: Version) -> ShadowReport | None:
    if folder := _folder_here(version.location):
        return read_report(folder)
    import mlflow

    with tempfile.TemporaryDirectory() as temporary:
        with suppress(mlflow.MlflowException, OSError):  # there is none
            uri = f"{version.uri}/{SHADOW_FILE}"
            mlflow.artifacts.download_artifacts(uri, dst_path=temporary)
        return read_report(Path(temporary))


def _upload(report: ShadowReport, uri: str) -> None:
    import mlflow

    version = find_version(uri)
    assert version
    with tempfile.TemporaryDirectory() as temporary:
        report.write(Path(temporary, SHADOW_FILE))
        try:
            mlflow.MlflowClient().log_model_artifact(
                logged_model_id(version), str(Path(temporary, SHADOW_FILE))
            )
        except mlflow.MlflowException as error:
            reason = str(error).splitlines()[0]
            raise AvemoError(f"{uri}: {SHADOW_FILE} cannot be written: {reason}") from error


def _folder_here(location: str) -> Path | None:
    """Return the folder of a version's files where it is on this machine; else None."""
    parts = urlsplit(location)
    if not location or parts.scheme not in ("", "file"):
        return None
    folder = Path(url2pathname(parts.path))
    return folder if folder.is_dir() else None


def _write(report: ShadowReport, folder: Path) -> None:
    """Write among a version's files, where no half-written file may be: it would be a change."""
    beside = folder.with_name(f"{folder.name}.{SHADOW_FILE}")
    report.write(beside)
    beside.replace(folder / SHADOW_FILE)


def _main(in_registry: bool) -> None:
    store.quieten_mlflow()
    report = make_report(ShadowClips.model_validate_json(sys.stdin.read()))
    folder = local_folder(report.candidate.name, report.candidate.number)
    earlier = None
    with suppress(AvemoError):
        earlier = read_report(folder)
    if earlier is None or report.outdates(earlier):
        report.write(folder / SHADOW_FILE)
    if in_registry:
        store_report(report)


if __name__ == "__main__":
    os.nice(int(sys.argv[1]))
    try:
        _main(_IN_REGISTRY in sys.argv)
    except (AvemoError, OSError) as error:
        sys.exit(str(error))
