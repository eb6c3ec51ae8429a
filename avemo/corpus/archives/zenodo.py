"""The published archives of RAVDESS, fetched from Zenodo and unpacked.

In `data/archives`, `NAME.zip` is complete and has the record's md5; the folder `NAME` is unpacked,
and its stamp says from which archive and for which actors.
"""

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pooch
from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError
from tqdm import tqdm

from ...download import DownloadError, Unreachable, fetch_file, get_json
from ...errors import CorpusError, join_names
from ...io import atomic_write
from ...page import format_bytes
from ...settings import Zenodo
from ..adapters.ravdess import ACTORS, CHANNELS, NO_SINGER, Recording, parse
from .unpack import require_free_space, unpack

__all__ = ["FOLDER", "LICENCE", "ORIGIN", "Archive", "ArchiveList", "fetch", "list_archives"]

ORIGIN = "AVEMO_ZENODO_ORIGIN"  # a mirror in place of the official address
OFFICIAL = "https://zenodo.org"
LICENCE = "CC BY-NC-SA 4.0"
FOLDER = Path("data", "archives")  # in the project

#: of an archive, and of the record: without a network, what is here already should do soon
ATTEMPTS, RECORD_ATTEMPTS = 6, 3

_STAMP = ".avemo.json"
_MODALITIES = {"video": 1, "audio": 3}
_CODES = {name: code for code, name in CHANNELS.items()}
_GROWTH = {"Audio": 3.0, "Video": 1.1}  # unpacked, about, as a multiple of the archive

log = logging.getLogger(__name__)


class _File(BaseModel):
    """A file of a record, as Zenodo describes it."""

    key: str
    size: int
    checksum: str
    links: dict[str, str]

    @property
    def url(self) -> str:
        """The address of its content; a mirror may hold the record as Zenodo gives it."""
        return self.links.get("content", self.links.get("self", "")).replace(OFFICIAL, _origin(), 1)


class _Record(BaseModel):
    """What Zenodo says about a record, as far as it is used."""

    files: list[_File]


@dataclass(frozen=True)
class Archive:
    """A published archive, as the record describes it.

    Args:
        record: number of the record
        name: without `.zip`
        url: of its content
        bytes: its size
        md5: its checksum
        actors: whose recordings are unpacked
    """

    record: int
    name: str
    url: str
    bytes: int
    md5: str
    actors: list[int]

    @property
    def unpacked_bytes(self) -> float:
        """Estimate the size of the wanted actors' recordings."""
        kind = self.name.partition("_")[0]
        share = len(self.actors) / len(ACTORS) if kind == "Audio" else 1
        return self.bytes * _GROWTH[kind] * share

    @property
    def stamp(self) -> str:
        """What its unpacked folder depends on, as JSON."""
        return json.dumps({"record": self.record, "md5": self.md5, "actors": self.actors})

    def is_wanted(self, name: str) -> bool:
        """Return whether a member is unpacked: all but other actors' recordings are."""
        try:
            return parse(name).actor in self.actors
        except ValueError:
            return True

    def is_unpacked(self, folder: Path) -> bool:
        """Return whether it is unpacked, for these actors."""
        stamp = folder / self.name / _STAMP
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == self.stamp

    def bytes_present(self, folder: Path) -> int:
        """Return the size of the archive in a folder, 0 where it is missing."""
        file = folder / f"{self.name}.zip"
        return file.stat().st_size if file.is_file() else 0


@dataclass(frozen=True)
class ArchiveList:
    """The selected archives.

    Args:
        title: what they are, and their licence
        rows: of each archive its file, its size, and whether it is here or unpacked
        summary: how much is to be fetched, and the space that is needed and free
    """

    title: str
    rows: list[tuple[str, str, str]]
    summary: str


def list_archives(root: Path, settings: Zenodo) -> ArchiveList:
    """List the selected archives, their sizes, which are here, and the space that they need.

    Args:
        root: the project's folder
        settings: select archives and actors

    Raises:
        CorpusError: the record cannot be fetched, or lacks one of the archives
    """
    return _describe(_select(root / FOLDER, settings), root / FOLDER, settings)


def fetch(root: Path, settings: Zenodo) -> list[Path]:
    """Fetch and unpack the selected archives that are not here yet.

    An archive that is complete is not fetched again. A second process waits for the first.

    Args:
        root: the project's folder
        settings: select archives and actors

    Returns:
        the unpacked folder of each

    Raises:
        CorpusError: an archive cannot be downloaded, is damaged or harmful, or the disk is too
            small
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        archives = _select(folder, settings)
        description = _describe(archives, folder, settings)
        log.info("%s: %s", description.title, description.summary)
        missing = [archive for archive in archives if not archive.is_unpacked(folder)]
        require_free_space(_required_bytes(missing, folder, settings), folder)
        if missing:
            _download_all(missing, folder, settings)
        log.info(
            "archives fetched and unpacked: %d (%s); here already: %d",
            len(missing),
            format_bytes(sum(archive.bytes for archive in missing)),
            len(archives) - len(missing),
        )
    return [folder / archive.name for archive in archives]


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("another process is fetching into %s: waiting for it", folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _describe(archives: list[Archive], folder: Path, settings: Zenodo) -> ArchiveList:
    rows = []
    for archive in archives:
        state = "here" if archive.bytes_present(folder) else "not here"
        state = "unpacked" if archive.is_unpacked(folder) else state
        rows.append((f"{archive.name}.zip", format_bytes(archive.bytes), state))
    missing = [archive for archive in archives if not archive.is_unpacked(folder)]
    pending = sum(archive.bytes for archive in missing if not archive.bytes_present(folder))
    disk = next(path for path in (folder, *folder.parents) if path.is_dir())
    return ArchiveList(
        title=f"RAVDESS, doi 10.5281/zenodo.{settings.record}, licence {LICENCE}",
        rows=rows,
        summary=f"{format_bytes(sum(archive.bytes for archive in archives))} in all, "
        f"{format_bytes(pending)} to be fetched; about "
        f"{format_bytes(_required_bytes(missing, folder, settings))} needed, "
        f"{format_bytes(shutil.disk_usage(disk).free)} free in {folder}",
    )


def _required_bytes(missing: list[Archive], folder: Path, settings: Zenodo) -> int:
    """Estimate how many bytes the disk must still have: an archive goes once it is unpacked."""
    packed = [archive.bytes for archive in missing if not archive.bytes_present(folder)]
    packed.sort(reverse=True)
    at_once = packed if settings.keep_archives else packed[: settings.parallel]
    return int(sum(at_once) + sum(archive.unpacked_bytes for archive in missing))


# which archives


def _actors_by_archive(settings: Zenodo) -> dict[str, list[int]]:
    """Return the names of the selected archives, with the actors that are wanted of each."""
    actors = sorted(set(settings.actors))
    actors_by_archive: dict[str, list[int]] = {}
    modalities, channels = dict.fromkeys(settings.modalities), dict.fromkeys(settings.channels)
    for modality, channel, actor in product(modalities, channels, actors):
        if (channel, actor) != ("song", NO_SINGER):
            recording = Recording(_MODALITIES[modality], _CODES[channel], 1, 1, 1, 1, actor)
            actors_by_archive.setdefault(recording.file.parts[0], []).append(actor)
    if not actors_by_archive:
        raise CorpusError(
            "corpus.zenodo: actor 18 has no song, and nothing else is asked for: choose other "
            "actors or channels in params.yaml"
        )
    return actors_by_archive


def _select(folder: Path, settings: Zenodo) -> list[Archive]:
    """Return the archives that the settings select, as the record describes them."""
    actors_by_archive = _actors_by_archive(settings)
    record = _load_record(folder, settings.record)
    files = {file.key: file for file in record.files}
    if absent := [f"{name}.zip" for name in actors_by_archive if f"{name}.zip" not in files]:
        raise CorpusError(
            f"record {settings.record} has no {join_names(absent)}; it has "
            f"{join_names(sorted(files))}: correct corpus.zenodo.record in params.yaml"
        )
    return [
        Archive(
            record=settings.record,
            name=name,
            url=files[f"{name}.zip"].url,
            bytes=files[f"{name}.zip"].size,
            md5=files[f"{name}.zip"].checksum.removeprefix("md5:"),
            actors=actors,
        )
        for name, actors in actors_by_archive.items()
    ]


def _load_record(folder: Path, number: int) -> _Record:
    """Fetch the description of a record; without a network, return the last one."""
    file = folder / f"record-{number}.json"
    try:
        fields = get_json(f"{_origin()}/api/records/{number}", attempts=RECORD_ATTEMPTS)
    except DownloadError as error:
        if not (isinstance(error, Unreachable) and file.is_file()):
            raise _explain("the list", number, error) from None
        log.warning("%s cannot be reached: going on with its last answer", _origin())
        fields = json.loads(file.read_text(encoding="utf-8"))
    try:
        record = _Record.model_validate(fields)
    except ValidationError:
        raise CorpusError(
            f"{_origin()} describes record {number} in a way that avemo does not know: "
            f"files with key, size, checksum and links are expected; see {ORIGIN}"
        ) from None
    if folder.is_dir():
        with atomic_write(file) as temporary:
            temporary.write_text(record.model_dump_json(), encoding="utf-8")
    return record


def _origin() -> str:
    return os.environ.get(ORIGIN, OFFICIAL).rstrip("/")


def _explain(what: str, record: int, error: DownloadError) -> CorpusError:
    """Return a failed download in a sentence that says what to do."""
    return CorpusError(
        f"{what} of record {record} could not be fetched from {_origin()}: {error}. Archives that "
        f"are complete are kept: run the same command again later, or set {ORIGIN} to a mirror"
    )


# their content


class _Progress:
    """An archive's share of the bar, in the form that pooch reports to."""

    def __init__(self, bar: "tqdm[Any]", lock: threading.Lock, stopped: threading.Event) -> None:
        self.total: float | None = None
        self._bar, self._lock, self._stopped = bar, lock, stopped
        self._count = 0

    def update(self, count: int) -> None:
        if self._stopped.is_set():
            raise CorpusError("stopped with the others")
        with self._lock:
            self._bar.update(count)
            self._count += count

    def reset(self) -> None:
        self.update(-self._count)

    def close(self) -> None: ...


def _download_all(missing: list[Archive], folder: Path, settings: Zenodo) -> None:
    """Download and unpack archives, several at a time, under one progress bar."""
    lock, stopped = threading.Lock(), threading.Event()
    bar = tqdm(
        total=sum(archive.bytes for archive in missing if not archive.bytes_present(folder)),
        desc=f"archives 0/{len(missing)}",
        unit="B",
        unit_scale=True,
        mininterval=1,
    )

    def download_one(archive: Archive) -> None:
        progress = _Progress(bar, lock, stopped)
        _download_and_unpack(archive, folder, keep=settings.keep_archives, progress=progress)

    # its threads are daemons: Ctrl-C does not wait for a server
    with bar, ThreadPool(min(settings.parallel, len(missing))) as pool:
        try:
            for count, _ in enumerate(pool.imap_unordered(download_one, missing), 1):
                bar.set_description(f"archives {count}/{len(missing)}")
        finally:
            stopped.set()


def _download_and_unpack(
    archive: Archive, folder: Path, *, keep: bool, progress: _Progress
) -> None:
    packed = folder / f"{archive.name}.zip"
    if not (packed.is_file() and _md5(packed) == archive.md5):
        _download(archive, packed, progress)
    with atomic_write(folder / archive.name) as unpacked:
        if not unpack(packed, unpacked, archive.is_wanted):
            raise CorpusError(f"{packed} holds no recording of actors {archive.actors}")
        (unpacked / _STAMP).write_text(archive.stamp, encoding="utf-8")
    if not keep:
        packed.unlink()


def _download(archive: Archive, target: Path, progress: _Progress) -> None:
    """Download an archive and check it; one that comes damaged is downloaded once more."""
    with atomic_write(target) as temporary:
        for _ in range(2):
            try:
                fetch_file(archive.url, temporary, progress=progress, attempts=ATTEMPTS)
            except DownloadError as error:
                raise _explain(target.name, archive.record, error) from None
            if (md5 := _md5(temporary)) == archive.md5:
                return
        raise CorpusError(
            f"{archive.url} came twice with a wrong checksum: got md5 {md5}, expected "
            f"{archive.md5} as record {archive.record} says; try again later, or set {ORIGIN} to "
            "another mirror"
        )


def _md5(file: Path) -> str:
    return str(pooch.file_hash(str(file), alg="md5"))
