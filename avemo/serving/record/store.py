"""The record as the service writes it: a journal, and Parquet files made from it.

A row is in the journal first. Each hour the rows of the journal are added to the Parquet files of
their days, and then the journal is emptied: a process that is killed between the two adds them
again, which changes nothing.
"""

from __future__ import annotations

import fcntl
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from ...errors import AvemoError
from ...schema import Record
from .journal import Journal, JournalLines, read_lines
from .parts import add_rows, expire_part, list_parts, newest_time, read_part
from .rows import AnswerDraft, Correction, RecordedAnswer

__all__ = ["Reading", "RecordStore", "read_record"]

log = logging.getLogger(__name__)

_LOCK, _HEADER, _JOURNAL = ".lock", "record.json", "journal.ndjson"
_ANSWER_FOLDER, _CORRECTION_FOLDER = "answers", "corrections"
#: a larger journal is emptied without waiting for the hour
_MAX_JOURNAL_BYTES = 16_000_000
#: a clock that is set back by less is being adjusted
_CLOCK_STEP = timedelta(seconds=2)
_ID = re.compile(r"\d{8}-[0-9a-f]{24}")


class AnswerRecord(Record):
    """`record.json`: what the folder is."""


class RecordStore:
    """A record that this process alone writes to; one thread at a time may use it.

    Args:
        folder: is made where it is missing; only this user can read it
        now: returns the time, in UTC

    Raises:
        AvemoError: another process writes to it, or it holds something else, or cannot be made
    """

    def __init__(
        self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.folder = folder
        self._now = now
        self._answer_folder, self._correction_folder = (
            folder / _ANSWER_FOLDER,
            folder / _CORRECTION_FOLDER,
        )
        try:
            self._open()
        except OSError as error:
            raise AvemoError(
                f"{folder} cannot be recorded to ({error.strerror}): name another folder"
            ) from None
        self._newest = self._newest_time()
        self._is_behind = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def add(self, draft: AnswerDraft) -> RecordedAnswer:
        """Record an answer, and return the row, which is on the disk.

        Raises:
            OSError: it is not, such as where the disk is full
        """
        time, retained_from = self._stamp()
        answer = RecordedAnswer(
            id=f"{retained_from:%Y%m%d}-{secrets.token_hex(12)}",
            time=time,
            retained_from=retained_from,
            **dict(draft),
        )
        self._journal.append(answer)
        return answer

    def find(self, answer_id: str) -> RecordedAnswer | None:
        """Return an answer; None where there is none of this id, or not any more.

        Raises:
            AvemoError: the file of its day is damaged
        """
        if not _ID.fullmatch(answer_id):
            return None
        for answer in self._journal.rows.answer_rows:
            if answer.id == answer_id:
                return answer
        for part in list_parts(self._answer_folder, answer_id[:8]):
            for answer in read_part(part, RecordedAnswer, answer_id):
                return answer
        return None

    def correct(self, answer: RecordedAnswer, emotion: str, *, consent: bool) -> Correction:
        """Record a correction; those of the same answer from before stay, and do not count.

        Args:
            answer: what is corrected
            emotion: what a person says it is
            consent: the clip may be used for training

        Raises:
            OSError: it is not recorded, such as where the disk is full
        """
        correction = Correction(
            id=secrets.token_hex(12),
            answer_id=answer.id,
            time=self._stamp()[0],
            answer_time=answer.time,
            retained_from=answer.retained_from,
            emotion=emotion,
            consent=consent,
        )
        self._journal.append(correction)
        return correction

    @property
    def is_large(self) -> bool:
        """Whether the journal should be emptied soon."""
        return self._journal.size > _MAX_JOURNAL_BYTES

    def compact(self) -> None:
        """Move the rows of the journal to the Parquet files of their days.

        Raises:
            OSError: they cannot be written; the journal has them still
        """
        rows = self._journal.rows
        if not rows:
            return
        damaged = add_rows(self._answer_folder, rows.answer_rows)
        damaged += add_rows(self._correction_folder, rows.corrections)
        for reason in damaged:
            log.warning("avemo: the record: %s", reason)
        self._journal.clear()

    def expire(self, retention: timedelta) -> int:
        """Remove the rows whose answers are older, and return how many these were.

        Raises:
            OSError: a file cannot be written
        """
        self.compact()
        now, removed = self._now(), 0
        self._note_clock(now)
        for folder, kind in (
            (self._answer_folder, RecordedAnswer),
            (self._correction_folder, Correction),
        ):
            for part in list_parts(folder):
                try:
                    removed += expire_part(part, kind, now=now, retention=retention)
                except AvemoError as error:
                    log.warning("avemo: the record: %s", error)
        return removed

    def close(self) -> None:
        """Let another process write to the folder."""
        self._journal.close()
        self._lock.close()

    def _open(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        header = self.folder / _HEADER
        if not header.exists():
            if any(path.name != _LOCK for path in self.folder.iterdir()):
                raise AvemoError(
                    f"{self.folder} is no record, and not empty: name a new folder to record to"
                )
            AnswerRecord().write(header)
        AnswerRecord.read(header)
        self._lock = (self.folder / _LOCK).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise AvemoError(
                f"another process is recording to {self.folder}: name another folder, or end it"
            ) from None
        for folder in (self._answer_folder, self._correction_folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._journal = Journal(self.folder / _JOURNAL)
        for warning in _describe_lines(self.folder / _JOURNAL, self._journal.rows):
            log.warning("avemo: the record: %s", warning)

    def _newest_time(self) -> datetime:
        """Return the latest time at which a row's retention begins."""
        times = [answer.retained_from for answer in self._journal.rows.answer_rows]
        if parts := list_parts(self._answer_folder):
            try:
                times.append(newest_time(parts[-1]))
            except AvemoError as error:
                log.warning("avemo: the record: %s", error)
        return max(times, default=datetime.min.replace(tzinfo=UTC))

    def _stamp(self) -> tuple[datetime, datetime]:
        """Return the time, and the latest that the clock has shown."""
        now = self._now()
        self._note_clock(now)
        self._newest = max(self._newest, now)
        return now, self._newest

    def _note_clock(self, now: datetime) -> None:
        """Log where the clock has gone back, and where it is right again."""
        is_behind = now + _CLOCK_STEP < self._newest
        if is_behind and not self._is_behind:
            log.warning(
                "avemo: the record: the clock has gone back, from %s to %s: nothing is deleted for "
                "that, and new rows are not older than the last one for it",
                f"{self._newest:%Y-%m-%d %H:%M:%SZ}",
                f"{now:%Y-%m-%d %H:%M:%SZ}",
            )
        elif self._is_behind and not is_behind:
            log.info("avemo: the record: the clock is where it was again")
        self._is_behind = is_behind


@dataclass(frozen=True)
class Reading:
    """What a record holds.

    Args:
        answer_rows: in the order of their times
        corrections: by the answer's id, the one that counts
        warnings: what is not complete, and costs no row that a client got an answer for
        damaged: what cannot be read, a line each
    """

    answer_rows: list[RecordedAnswer]
    corrections: dict[str, Correction]
    warnings: list[str]
    damaged: list[str]


def read_record(folder: Path) -> Reading:
    """Read a record, also while a service writes to it.

    Raises:
        AvemoError: it is no record
    """
    header = folder / _HEADER
    if not header.exists():
        raise AvemoError(
            f"{folder} is no record: the folder that `avemo serve --record` named is expected"
        )
    AnswerRecord.read(header)
    try:
        lines = read_lines(folder / _JOURNAL)  # first: a row moves from there to the other files
    except OSError as error:
        raise AvemoError(f"{folder / _JOURNAL} cannot be read ({error.strerror})") from None
    damaged: list[str] = []
    answer_rows: dict[str, RecordedAnswer] = {}
    corrections: dict[str, Correction] = {}
    for part in list_parts(folder / _ANSWER_FOLDER):
        try:
            answer_rows |= {answer.id: answer for answer in read_part(part, RecordedAnswer)}
        except AvemoError as error:
            damaged.append(str(error))
    for part in list_parts(folder / _CORRECTION_FOLDER):
        try:
            corrections |= {own.answer_id: own for own in read_part(part, Correction)}
        except AvemoError as error:
            damaged.append(str(error))
    answer_rows |= {answer.id: answer for answer in lines.answer_rows}
    corrections |= {own.answer_id: own for own in lines.corrections}
    warnings = list(_describe_lines(folder / _JOURNAL, lines))
    return Reading(
        sorted(answer_rows.values(), key=lambda answer: answer.time), corrections, warnings, damaged
    )


def _describe_lines(file: Path, lines: JournalLines) -> list[str]:
    """Return what is wrong with a journal, a line each."""
    sentences = []
    if lines.is_torn:
        sentences.append(f"{file}: its last line is torn and left out: its answer never went out")
    if lines.damaged:
        numbers = ", ".join(map(str, lines.damaged[:10]))
        sentences.append(f"{file}: line {numbers} cannot be read and is left out")
    return sentences
