"""The published archives of RAVDESS, fetched from Zenodo and unpacked.

In `data/archives`, `NAME.zip.part` grows and is taken up where it stopped; `NAME.zip` is whole and
its md5 is the record's; the folder `NAME` is unpacked, and its stamp says from what and for whom.
"""

import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock, Timeout
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3 import BaseHTTPResponse
from urllib3.util import Retry

from ..errors import CorpusError, ten
from ..files import whole
from ..settings import Zenodo
from .archives import amount, room, unpack
from .ravdess import Recording, parse

__all__ = ["FOLDER", "LICENCE", "ORIGIN", "Archive", "fetch", "listing"]

ORIGIN = "AVEMO_ZENODO_ORIGIN"  # a mirror in place of the official address
OFFICIAL = "https://zenodo.org"
LICENCE = "CC BY-NC-SA 4.0"
FOLDER = Path("data", "archives")  # in the project

CONNECT_S, ANSWER_S = 10.0, 30.0
TRIES = 6  # in a row that bring nothing
BACKOFF_S = 1.0  # after the first; doubled with each
PATIENCE_S = 600.0  # what a server may ask to wait
CHUNK = 1 << 16

_STAMP = ".avemo.json"
_ACTORS = range(1, 25)
_SILENT = ("song", 18)  # who did not sing
_MODALITIES = {"video": 1, "audio": 3}
_CHANNELS = {"speech": 1, "song": 2}
_GROWTH = {"Audio": 3.0, "Video": 1.1}  # unpacked, about, as a multiple of the archive

Moved = Callable[[int], None]


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
        share = len(self.actors) / len(_ACTORS) if kind == "Audio" else 1
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
        return min(
            self.bytes, max(_size(folder / f"{self.name}.zip{end}") for end in ("", ".part"))
        )


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
    actors = sorted(_ACTORS if settings.actors == "all" else set(settings.actors))
    found: dict[str, list[int]] = {}
    modalities, channels = dict.fromkeys(settings.modalities), dict.fromkeys(settings.channels)
    for modality, channel, actor in product(modalities, channels, actors):
        if (channel, actor) != _SILENT:
            named = Recording(_MODALITIES[modality], _CHANNELS[channel], 1, 1, 1, 1, actor)
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
                f"record {settings.record} has no {ten(absent)}; it has {ten(sorted(files))}: "
                "correct corpus.zenodo.record in params.yaml"
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
        with _told(f"the list of record {number}"), _session(connect=1) as session:
            url = f"{_origin()}/api/records/{number}"
            response = session.get(url, timeout=(CONNECT_S, ANSWER_S))
            response.raise_for_status()
            record = response.json()
    except _Unreachable:
        if not kept.is_file():
            raise
        print(f"{_origin()} cannot be reached: going on with its last answer", file=sys.stderr)
        return json.loads(kept.read_text(encoding="utf-8"))
    if folder.is_dir():
        with whole(kept) as beside:
            beside.write_text(json.dumps(record), encoding="utf-8")
    return record


def _origin() -> str:
    return os.environ.get(ORIGIN, OFFICIAL).rstrip("/")


def _url(links: dict[str, str]) -> str:
    """Where a file's content is; a mirror may hold the record as Zenodo gives it."""
    return (links.get("content") or links["self"]).replace(OFFICIAL, _origin(), 1)


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
    if packed.is_file() and _md5(packed) != archive.md5:
        moved(-_discard(packed))
    if not packed.is_file():
        _download(archive, packed, moved)
    with whole(folder / archive.name) as beside:
        if not unpack(packed, beside, archive.wants):
            raise CorpusError(f"{packed} holds no recording of actors {archive.actors}")
        (beside / _STAMP).write_text(archive.stamp, encoding="utf-8")
    if not keep:
        packed.unlink()


def _download(archive: Archive, target: Path, moved: Moved) -> None:
    """Bring an archive and check it; a damaged one is fetched once more from the start."""
    part = target.with_name(f"{target.name}.part")
    for _ in range(2):
        with _told(f"{target.name} of record {archive.record}"):
            _grow(archive, part, moved)
        got = _md5(part)
        if got == archive.md5:
            part.replace(target)
            return
        moved(-_discard(part))
    raise CorpusError(
        f"{archive.url} came twice with a wrong checksum: got md5 {got}, expected {archive.md5} as "
        f"record {archive.record} says; try again later, or set {ORIGIN} to another mirror"
    )


def _grow(archive: Archive, part: Path, moved: Moved) -> None:
    """Let the part grow to the archive's size, in as many requests as it takes."""
    furthest, failures = _size(part), 0
    with _session(connect=TRIES) as session:
        while _size(part) < archive.bytes:
            broken = _receive(session, archive, part, moved)
            size = _size(part)
            if size >= archive.bytes:
                return
            failures = 0 if size > furthest else failures + 1
            furthest = max(size, furthest)
            if failures > TRIES:
                raise broken or requests.ConnectionError("it ends before its declared size")
            time.sleep(BACKOFF_S * 2**failures)


def _receive(
    session: requests.Session, archive: Archive, part: Path, moved: Moved
) -> requests.RequestException | None:
    """One request, for what the part still lacks.

    Returns:
        what broke it off
    """
    had = _size(part)
    headers = {"Range": f"bytes={had}-"} if had else {}
    timeout = (CONNECT_S, ANSWER_S)
    with session.get(archive.url, headers=headers, stream=True, timeout=timeout) as response:
        if not (had and response.status_code == requests.codes.requested_range_not_satisfiable):
            response.raise_for_status()
        if had and not _continues(response, had, archive.bytes):
            moved(-_discard(part))
            if response.status_code != requests.codes.ok:
                return None
        with part.open("ab") as file:
            try:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    moved(len(chunk))
                    if file.tell() > archive.bytes:
                        break  # its checksum will be wrong
            except requests.RequestException as error:
                return error
    return None


def _continues(response: requests.Response, had: int, size: int) -> bool:
    """Whether an answer is what was asked for: the rest."""
    place = response.headers.get("Content-Range", "")
    return (
        response.status_code == requests.codes.partial_content
        and place.startswith(f"bytes {had}-")
        and place.endswith((f"/{size}", "/*"))
    )


# how a server is spoken to


class _Unreachable(CorpusError):
    """No connection, or no answer."""


class _Patient(Retry):
    """As urllib3's, and no longer than one would wait."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        seconds = super().get_retry_after(response)
        if seconds and seconds > PATIENCE_S:
            raise CorpusError(
                f"{_origin()} asks to wait {seconds:.0f} s: run the same command again after that; "
                "it picks up from here"
            )
        if seconds:
            tqdm.write(f"{_origin()} asks to wait {seconds:.0f} s", file=sys.stderr)
        return seconds


def _session(connect: int) -> requests.Session:
    """A session that tries again by itself until an answer begins, and waits where it is asked to.

    Args:
        connect: how often a server that does not answer is tried again
    """
    retry = _Patient(
        total=TRIES,
        connect=connect,
        read=connect,
        backoff_factor=BACKOFF_S,
        status_forcelist=(429, 500, 502, 503, 504),
    )
    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"  # a range counts the file's own bytes
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Trouble with the network as one line."""
    try:
        yield
    except requests.RequestException as error:
        unreachable = isinstance(error, requests.ConnectionError | requests.Timeout)
        raise (_Unreachable if unreachable else CorpusError)(
            f"{what} could not be fetched from {_origin()}: {_reason(error)}. What is here is "
            f"kept: run the same command again later, or set {ORIGIN} to a mirror"
        ) from None


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"{error.response.url} answered {error.response.status_code}"
    if "timed out" in str(error):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection breaks off"
    inner = str(getattr(error.args[0], "reason", error) if error.args else error)
    return inner.rpartition("): ")[2] or inner


# files


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _discard(file: Path) -> int:
    """Remove a file; returns how large it was."""
    size = _size(file)
    file.unlink()
    return size


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
