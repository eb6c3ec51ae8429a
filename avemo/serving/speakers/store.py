"""What is kept of people: a file of statistics for each of them and each space.

There is no voice and no picture in it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from ...errors import AvemoError
from ...inference.adaptation import SpeakerStatistics
from ...io import atomic_write
from ...registry.speaker import Speaker
from ...schema import Value
from .names import file_stem, normalise_name

__all__ = ["Bounds", "Enrolment", "FullError", "SpeakerStore", "as_speaker"]

_LOCK = ".lock"
_SUFFIX = ".json"


class FullError(AvemoError):
    """The store, or one speaker in it, has as much as it may."""


class EnrolledClip(Value):
    """A clip that statistics were computed from.

    Args:
        sha256: of its content, so that it counts once
        neutral: the person was said to speak neutrally in it
    """

    sha256: str
    neutral: bool


class Enrolment(Value):
    """What is kept of a person in the space of one or several versions.

    Args:
        record: what the file is
        version: of its layout
        name: of the person
        model: the version that computed the last of it, `avemo-fused version 3`
        changed: when the last clip was added, in UTC
        clips: that it was computed from
        statistics: as `SpeakerStatistics.to_dict` has them
    """

    record: Literal["Enrolment"] = "Enrolment"
    version: Literal[1] = 1
    name: str
    model: str
    changed: datetime
    clips: tuple[EnrolledClip, ...]
    statistics: dict[str, Any]

    @property
    def sums(self) -> SpeakerStatistics:
        """The statistics."""
        return SpeakerStatistics.from_dict(self.statistics)


@dataclass(frozen=True)
class Bounds:
    """How much is kept at most.

    Args:
        speakers: people
        clips: of each of them, in each space
    """

    speakers: int
    clips: int


class SpeakerStore:
    """A folder of enrolments.

    Args:
        folder: is made where something is kept for the first time; only this user can read it
        bounds: None for as much as there is room
        now: returns the time, in UTC
    """

    def __init__(
        self,
        folder: Path,
        bounds: Bounds | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = folder
        self._bounds = bounds
        self._now = now

    def add(
        self,
        name: str,
        statistics: SpeakerStatistics,
        *,
        model: str,
        sha256: str,
        neutral: bool = False,
        again: bool = False,
    ) -> bool:
        """Add a clip's statistics to a person's, and return whether they were not there yet.

        Args:
            name: of the person
            statistics: of the clip
            model: that computed them
            sha256: of the clip's content
            neutral: see `EnrolledClip`
            again: forget what there is of the person in this space

        Raises:
            AvemoError: the file that is there is damaged
            FullError: there is no more room
            SettingsError: it is no name
        """
        name = normalise_name(name)
        with self._locked():
            file = self._file(name, statistics.space)
            before = _read(file) if file.exists() and not again else None
            clips = before.clips if before else ()
            if any(clip.sha256 == sha256 for clip in clips):
                return False
            self._require_room(name, len(clips))
            total = before.sums + statistics if before else statistics
            enrolment = Enrolment(
                name=name,
                model=model,
                changed=self._now(),
                clips=(*clips, EnrolledClip(sha256=sha256, neutral=neutral)),
                statistics=dict(total.to_dict()),
            )
            with atomic_write(file) as temporary:
                temporary.write_text(enrolment.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return True

    def find(self, name: str) -> list[Enrolment]:
        """Return what is kept of a person: an enrolment a space, the last changed first.

        Raises:
            AvemoError: a file is damaged
            SettingsError: it is no name
        """
        files = self._files(f"{file_stem(normalise_name(name))}.*")
        return sorted(map(_read, files), key=lambda own: own.changed, reverse=True)

    def speaker(self, name: str) -> Speaker:
        """Return a person as predictions take them.

        Raises:
            AvemoError: there is no such person, or a file is damaged
            SettingsError: it is no name
        """
        name = normalise_name(name)
        enrolments = self.find(name)
        if not enrolments:
            raise AvemoError(
                f"{name} is not enrolled: avemo speaker enrol NAME FILES; `avemo speaker list` "
                "says who is"
            )
        return as_speaker(name, enrolments)

    def enrolments(self, damaged: Callable[[str], None] = lambda reason: None) -> list[Enrolment]:
        """Return all enrolments, by name.

        Args:
            damaged: is called with the reason for each file that cannot be read
        """
        enrolments = []
        for file in self._files("*"):
            try:
                enrolments.append(_read(file))
            except AvemoError as error:
                damaged(str(error))
        return sorted(enrolments, key=lambda own: (own.name, -own.changed.timestamp()))

    def delete(self, name: str) -> int:
        """Delete all that is kept of a person, and return how many files that were.

        Raises:
            SettingsError: it is no name
        """
        pattern = f"{file_stem(normalise_name(name))}.*"
        with self._locked():
            files = self._files(pattern)
            for file in files:
                file.unlink()
        return len(files)

    def expire(self, retention: timedelta) -> int:
        """Delete what nobody has added to for so long, and return how many files that were.

        A file that is damaged says no time, and is deleted, too.
        """
        deleted = 0
        if not self.folder.exists():
            return deleted
        with self._locked():
            for file in self._files("*"):
                if _changed(file) <= self._now() - retention:
                    file.unlink()
                    deleted += 1
        return deleted

    def _require_room(self, name: str, clips: int) -> None:
        if not self._bounds:
            return
        if clips >= self._bounds.clips:
            raise FullError(f"{clips} clips of this speaker are enrolled, no more are taken")
        stems = {file.name.partition(".")[0] for file in self._files("*")}
        if file_stem(name) not in stems and len(stems) >= self._bounds.speakers:
            raise FullError(f"{len(stems)} speakers are enrolled, no more are taken")

    def _file(self, name: str, space: str) -> Path:
        return self.folder / f"{file_stem(name)}.{file_stem(space)}{_SUFFIX}"

    def _files(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(f"{pattern}{_SUFFIX}"))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let no other process change the folder inside the block."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def as_speaker(name: str, enrolments: list[Enrolment]) -> Speaker:
    """Return a person as predictions take them."""
    statistics: Mapping[str, SpeakerStatistics] = {
        sums.space: sums for sums in (own.sums for own in enrolments)
    }
    return Speaker(name, statistics, tuple(own.model for own in enrolments))


def _read(file: Path) -> Enrolment:
    try:
        enrolment = Enrolment.model_validate_json(file.read_bytes())
        enrolment.sums  # noqa: B018  # a damaged one is refused here, and not later
    except (OSError, ValidationError, ValueError, AvemoError) as error:
        raise AvemoError(
            f"{file} cannot be read ({type(error).__name__}): delete it, and enrol the speaker "
            "again"
        ) from None
    return enrolment


def _changed(file: Path) -> datetime:
    try:
        return _read(file).changed
    except AvemoError:
        return datetime.min.replace(tzinfo=UTC)
