"""Zenodo's record of RAVDESS: which archives the settings select, and how each is described."""

import json
import logging
import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pydantic import BaseModel, ValidationError

from ...download import DownloadError, Unreachable, get_json
from ...errors import CorpusError, join_names
from ...io import atomic_write
from ...settings import Zenodo
from ..adapters.ravdess import ACTORS, CHANNELS, NO_SINGER, Recording, parse

__all__ = ["ORIGIN", "STAMP", "Archive", "explain_failure", "select_archives"]

ORIGIN = "AVEMO_ZENODO_ORIGIN"  # a mirror in place of the official address
OFFICIAL = "https://zenodo.org"

#: few, so that without a network the last answer is soon used
ATTEMPTS = 3

STAMP = ".avemo.json"  # in the unpacked folder
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
        stamp = folder / self.name / STAMP
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == self.stamp

    def bytes_present(self, folder: Path) -> int:
        """Return the size of the archive in a folder, 0 where it is missing."""
        file = folder / f"{self.name}.zip"
        return file.stat().st_size if file.is_file() else 0


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


def select_archives(folder: Path, settings: Zenodo) -> list[Archive]:
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
        fields = get_json(f"{_origin()}/api/records/{number}", attempts=ATTEMPTS)
    except DownloadError as error:
        if not (isinstance(error, Unreachable) and file.is_file()):
            raise explain_failure("the list", number, error) from None
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


def explain_failure(what: str, record: int, error: DownloadError) -> CorpusError:
    """Return a failed download in a sentence that says what to do."""
    return CorpusError(
        f"{what} of record {record} could not be fetched from {_origin()}: {error}. Archives that "
        f"are complete are kept: run the same command again later, or set {ORIGIN} to a mirror"
    )
