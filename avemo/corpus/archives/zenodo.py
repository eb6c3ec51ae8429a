"""The published archives of RAVDESS, fetched from Zenodo and unpacked.

In `data/archives`, `NAME.zip` is complete and has the record's md5; the folder `NAME` is unpacked,
and its stamp says from which archive and for which actors.
"""

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pooch
from filelock import FileLock, Timeout
from tqdm import tqdm

from ...download import DownloadError, Progress, fetch_file
from ...errors import CorpusError
from ...io import atomic_write
from ...page import format_bytes
from ...settings import Zenodo
from .record import ORIGIN, STAMP, Archive, explain_failure, select_archives
from .unpack import require_free_space, unpack

__all__ = ["FOLDER", "LICENCE", "ArchiveList", "fetch", "list_archives"]

LICENCE = "CC BY-NC-SA 4.0"
FOLDER = Path("data", "archives")  # in the project

#: to fetch an archive
ATTEMPTS = 6

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArchiveList:
    """The selected archives.

    Args:
        title: what they are, and their licence
        rows: of each archive its file, its size, and whether it is here or unpacked
        summary: how much is to be fetched, and the space that is needed and free
        required_bytes: the space that is needed
    """

    title: str
    rows: list[tuple[str, str, str]]
    summary: str
    required_bytes: int


def list_archives(root: Path, settings: Zenodo) -> ArchiveList:
    """List the selected archives, their sizes, which are here, and the space that they need.

    Args:
        root: the project's folder
        settings: select archives and actors

    Raises:
        CorpusError: the record cannot be fetched, or lacks one of the archives
    """
    return _describe(select_archives(root / FOLDER, settings), root / FOLDER, settings)


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
        archives = select_archives(folder, settings)
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
    required = _required_bytes(missing, folder, settings)
    return ArchiveList(
        title=f"RAVDESS, doi 10.5281/zenodo.{settings.record}, licence {LICENCE}",
        rows=rows,
        summary=f"{format_bytes(sum(archive.bytes for archive in archives))} in all, "
        f"{format_bytes(pending)} to be fetched; about "
        f"{format_bytes(required)} needed, "
        f"{format_bytes(shutil.disk_usage(disk).free)} free in {folder}",
        required_bytes=required,
    )


def _required_bytes(missing: list[Archive], folder: Path, settings: Zenodo) -> int:
    """Estimate how many bytes the disk must still have: an archive goes once it is unpacked."""
    packed = [archive.bytes for archive in missing if not archive.bytes_present(folder)]
    packed.sort(reverse=True)
    at_once = packed if settings.keep_archives else packed[: settings.parallel]
    return int(sum(at_once) + sum(archive.unpacked_bytes for archive in missing))


class _Progress:
    """An archive's share of the bar, in the form that pooch reports to."""

    def __init__(self, bar: Progress, lock: threading.Lock, stopped: threading.Event) -> None:
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
        (unpacked / STAMP).write_text(archive.stamp, encoding="utf-8")
    if not keep:
        packed.unlink()


def _download(archive: Archive, target: Path, progress: _Progress) -> None:
    """Download an archive and check it; one that comes damaged is downloaded once more."""
    with atomic_write(target) as temporary:
        for _ in range(2):
            try:
                fetch_file(archive.url, temporary, progress=progress, attempts=ATTEMPTS)
            except DownloadError as error:
                raise explain_failure(target.name, archive.record, error) from None
            if (md5 := _md5(temporary)) == archive.md5:
                return
        raise CorpusError(
            f"{archive.url} came twice with a wrong checksum: got md5 {md5}, expected "
            f"{archive.md5} as record {archive.record} says; try again later, or set {ORIGIN} to "
            "another mirror"
        )


def _md5(file: Path) -> str:
    return str(pooch.file_hash(str(file), alg="md5"))
