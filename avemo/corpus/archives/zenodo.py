"""The published archives of RAVDESS, fetched from Zenodo and unpacked.

In `data/archives`, `NAME.zip.part` grows and is taken up where it stopped; `NAME.zip` is whole and
its md5 is the record's; the folder `NAME` is unpacked, and its stamp says from what and for whom.
"""

import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from tqdm import tqdm

from ...errors import CorpusError, join_names
from ...io import atomic_write
from ...settings import Zenodo
from ..adapters.ravdess import ACTORS, CHANNELS, NO_SINGER, Recording, parse
from .download import Damaged, DownloadError, Moved, Unreachable, arrived, bring, get_json
from .unpack import amount, room, unpack

__all__ = ["FOLDER", "LICENCE", "ORIGIN", "Archive", "fetch", "listing"]

ORIGIN = "AVEMO_ZENODO_ORIGIN"  # a mirror in place of the official address
OFFICIAL = "https://zenodo.org"
LICENCE = "CC BY-NC-SA 4.0"
FOLDER = Path("data", "archives")  # in the project

_STAMP = ".avemo.json"
_MODALITIES = {"video": 1, "audio": 3}
_CODES = {name: code for code, name in CHANNELS.items()}
_GROWTH = {"Audio": 3.0, "Video": 1.1}  # unpacked, about, as a multiple of the archive


@dataclass(frozen=True)
class Archive:
    """One published archive, as the record describes it.

    Args:
        name: without `.zip`
        actors: whose recordings are wanted of it
    """

    record: int
    name: str
    url: str
    bytes: int
    md5: str
    actors: list[int]

    @property
    def unpacked(self) -> float:
        """How many bytes are to be expected of it, about."""
        kind = self.name.partition("_")[0]
        share = len(self.actors) / len(ACTORS) if kind == "Audio" else 1
        return self.bytes * _GROWTH[kind] * share

    @property
    def stamp(self) -> str:
        """What its unpacked folder depends on."""
        return json.dumps({"record": self.record, "md5": self.md5, "actors": self.actors})

    def wants(self, name: str) -> bool:
        """Whether a member is unpacked: any that is not another actor's recording."""
        try:
            return parse(name).actor in self.actors
        except ValueError:
            return True

    def done(self, folder: Path) -> bool:
        """Whether it is unpacked, for these actors."""
        stamp = folder / self.name / _STAMP
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == self.stamp

    def had(self, folder: Path) -> int:
        """How many of its bytes are here."""
        return min(self.bytes, arrived(folder / f"{self.name}.zip"))


def listing(root: Path, settings: Zenodo) -> str:
    """The chosen archives, their sizes, what of them is here, and the room that is needed.

    Args:
        root: the project's folder

    Raises:
        CorpusError: the record cannot be had, or lacks one of them
    """
    return _table(_chosen(root / FOLDER, settings), root / FOLDER, settings)


def fetch(root: Path, settings: Zenodo) -> list[Path]:
    """Fetch and unpack the chosen archives that are not here yet.

    After an interruption each goes on where it stopped. A second process waits for the first.

    Args:
        root: the project's folder

    Returns:
        the unpacked folder of each

    Raises:
        CorpusError: one cannot be had, is not what it should be, or the disk is too small
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        archives = _chosen(folder, settings)
        print(_table(archives, folder, settings), flush=True)
        missing = [one for one in archives if not one.done(folder)]
        room(_needed(missing, folder, settings), folder)
        if missing:
            _bring(missing, folder, settings)
        size = amount(sum(one.bytes for one in missing))
        here = len(archives) - len(missing)
        print(f"archives fetched and unpacked: {len(missing)} ({size}); here already: {here}")
    return [folder / one.name for one in archives]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process is fetching into {folder}: waiting for it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _table(archives: list[Archive], folder: Path, settings: Zenodo) -> str:
    lines = [f"RAVDESS, doi 10.5281/zenodo.{settings.record}, licence {LICENCE}"]
    for one in archives:
        part = one.had(folder) / one.bytes
        state = "unpacked" if one.done(folder) else f"{part:.0%} here" if part else "not here"
        lines.append(f"{one.name + '.zip':<32}{amount(one.bytes):>10}  {state}")
    missing = [one for one in archives if not one.done(folder)]
    left = amount(sum(one.bytes - one.had(folder) for one in missing))
    above = next(path for path in (folder, *folder.parents) if path.is_dir())
    lines.append(
        f"{amount(sum(one.bytes for one in archives))} in all, {left} to be fetched; about "
        f"{amount(_needed(missing, folder, settings))} needed, "
        f"{amount(shutil.disk_usage(above).free)} free in {folder}"
    )
    return "\n".join(lines)


def _needed(missing: list[Archive], folder: Path, settings: Zenodo) -> int:
    """How many bytes the disk must still have, about: an archive goes once it is unpacked."""
    packed = sorted((one.bytes - one.had(folder) for one in missing), reverse=True)
    at_once = packed if settings.keep_archives else packed[: settings.parallel]
    return int(sum(at_once) + sum(one.unpacked for one in missing))


# which archives


def _wanted(settings: Zenodo) -> dict[str, list[int]]:
    """The names of the archives that the settings ask for, and the actors wanted of each."""
    actors = sorted(set(settings.actors))
    found: dict[str, list[int]] = {}
    modalities, channels = dict.fromkeys(settings.modalities), dict.fromkeys(settings.channels)
    for modality, channel, actor in product(modalities, channels, actors):
        if (channel, actor) != ("song", NO_SINGER):
            named = Recording(_MODALITIES[modality], _CODES[channel], 1, 1, 1, 1, actor)
            found.setdefault(named.file.parts[0], []).append(actor)
    if not found:
        raise CorpusError(
            "corpus.zenodo: actor 18 has no song, and nothing else is asked for: choose other "
            "actors or channels in params.yaml"
        )
    return found


def _chosen(folder: Path, settings: Zenodo) -> list[Archive]:
    """The archives that the settings ask for, as the record describes them."""
    wanted, record = _wanted(settings), _record(folder, settings.record)
    try:
        files = {str(file["key"]): file for file in record["files"]}
        if absent := [f"{name}.zip" for name in wanted if f"{name}.zip" not in files]:
            raise CorpusError(
                f"record {settings.record} has no {join_names(absent)}; it has "
                f"{join_names(sorted(files))}: correct corpus.zenodo.record in params.yaml"
            )
        return [
            Archive(
                record=settings.record,
                name=name,
                url=_url(files[f"{name}.zip"]["links"]),
                bytes=int(files[f"{name}.zip"]["size"]),
                md5=files[f"{name}.zip"]["checksum"].removeprefix("md5:"),
                actors=actors,
            )
            for name, actors in wanted.items()
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CorpusError(
            f"{_origin()} describes record {settings.record} in a way that avemo does not know: "
            f"files with key, size, checksum and links are expected; see {ORIGIN}"
        ) from None


def _record(folder: Path, number: int) -> Any:
    """What Zenodo says about the record; without a network, what it said the last time."""
    kept = folder / f"record-{number}.json"
    try:
        with _told("the list", number):
            record = get_json(f"{_origin()}/api/records/{number}")
    except Unreachable:
        if not kept.is_file():
            raise
        print(f"{_origin()} cannot be reached: going on with its last answer", file=sys.stderr)
        return json.loads(kept.read_text(encoding="utf-8"))
    if folder.is_dir():
        with atomic_write(kept) as beside:
            beside.write_text(json.dumps(record), encoding="utf-8")
    return record


def _origin() -> str:
    return os.environ.get(ORIGIN, OFFICIAL).rstrip("/")


def _url(links: dict[str, str]) -> str:
    """Where a file's content is; a mirror may hold the record as Zenodo gives it."""
    return (links.get("content") or links["self"]).replace(OFFICIAL, _origin(), 1)


@contextmanager
def _told(what: str, record: int) -> Iterator[None]:
    """A failed download in one line that says what to do."""
    try:
        yield
    except Damaged as error:
        raise CorpusError(
            f"{error} as record {record} says; try again later, or set {ORIGIN} to another mirror"
        ) from None
    except DownloadError as error:
        raise type(error)(
            f"{what} of record {record} could not be fetched from {_origin()}: {error}. What is "
            f"here is kept: run the same command again later, or set {ORIGIN} to a mirror"
        ) from None


# how they come


def _bring(missing: list[Archive], folder: Path, settings: Zenodo) -> None:
    """Fetch and unpack archives, several at a time, under one progress bar."""
    lock, stopped = threading.Lock(), threading.Event()
    bar = tqdm(
        total=sum(one.bytes for one in missing),
        initial=sum(one.had(folder) for one in missing),
        desc=f"archives 0/{len(missing)}",
        unit="B",
        unit_scale=True,
        mininterval=1,
    )

    def moved(count: int) -> None:
        if stopped.is_set():
            raise CorpusError("stopped with the others")
        with lock:
            bar.update(count)

    one = partial(_one, folder=folder, keep=settings.keep_archives, moved=moved)
    # its threads are daemons: Ctrl-C does not wait for a server
    with bar, ThreadPool(min(settings.parallel, len(missing))) as pool:
        try:
            for done, _ in enumerate(pool.imap_unordered(one, missing), 1):
                bar.set_description(f"archives {done}/{len(missing)}")
        finally:
            stopped.set()


def _one(archive: Archive, *, folder: Path, keep: bool, moved: Moved) -> None:
    """From what is here of an archive to its unpacked folder."""
    packed = folder / f"{archive.name}.zip"
    with _told(packed.name, archive.record):
        bring(archive.url, packed, size=archive.bytes, md5=archive.md5, moved=moved)
    with atomic_write(folder / archive.name) as beside:
        if not unpack(packed, beside, archive.wants):
            raise CorpusError(f"{packed} holds no recording of actors {archive.actors}")
        (beside / _STAMP).write_text(archive.stamp, encoding="utf-8")
    if not keep:
        packed.unlink()
