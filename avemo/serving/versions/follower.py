"""The alias is the deployment: it is asked for again and again, and what it names is loaded."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ...errors import AvemoError
from ...tracking import lookup, store
from ...tracking.address import sqlite_file
from .current import CurrentVersion
from .loading import Candidate

__all__ = ["Follower", "RefusedVersion", "ask_registry"]

log = logging.getLogger(__name__)

#: a refused version is tried again after so long, and then after twice as long, up to an hour: the
#: disk was full, or its files are repaired
_FIRST_RETRY_S, _MAX_RETRY_S = 60.0, 3600.0

#: from a version in the registry, and whether it must be tried first, to one that answers
Load = Callable[[lookup.Version, bool], Candidate]


@dataclass(frozen=True)
class RefusedVersion:
    """A version that the alias names and that may not answer.

    Args:
        label: `avemo-fused version 3`
        reason: why
        since: of its first trial, in UTC
        seal: the checksum of its files' checksums
        signature: the checksum of its signature
        trials: that it has failed
        retry_at: of the monotonic clock
    """

    label: str
    reason: str
    since: datetime
    seal: str
    signature: str
    trials: int
    retry_at: float

    def is_of(self, version: lookup.Version) -> bool:
        """Return whether a version is still the same: neither registered nor signed anew."""
        own = (self.label, self.seal, self.signature)
        return own == (version.label, version.seal, version.signature)


class Follower:
    """Watches an alias, and switches to the version that it names.

    Args:
        uri: `models:/NAME@ALIAS`
        current: is switched
        ask: returns the version that a URI names; None where there is none
        load: loads one
        poll_s: from one look to the next
        on_move: is called when the alias has moved
    """

    def __init__(
        self,
        uri: str,
        current: CurrentVersion,
        *,
        ask: Callable[[str], lookup.Version | None],
        load: Load,
        poll_s: float,
        on_move: Callable[[], None] = lambda: None,
    ) -> None:
        self._uri = uri
        self._current = current
        self._ask = ask
        self._load = load
        self._poll_s = poll_s
        self._on_move = on_move
        self._number: str | None = None
        self._hint = asyncio.Event()
        self.away_since: datetime | None = None
        self.last_contact: datetime | None = None
        self.trouble = ""
        self.activity = "asking the registry"
        self.refused: RefusedVersion | None = None

    @property
    def away_s(self) -> float:
        """Seconds since the registry was found away; 0 where it answers."""
        if self.away_since is None:
            return 0.0
        return (datetime.now(UTC) - self.away_since).total_seconds()

    def look_now(self) -> None:
        """Ask now: somebody says that the alias has moved."""
        self._hint.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._look()
            except Exception:  # whatever it was, the version that answers goes on
                log.exception("avemo: following %s failed", self._uri)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hint.wait(), self._poll_s)
            self._hint.clear()

    async def _look(self) -> None:
        try:
            version = await asyncio.to_thread(self._ask, self._uri)
        except AvemoError as error:
            self._note_away(str(error))
            return
        self._note_back()
        self._note_number(version.number if version else "")
        served = self._current.served
        if version is None:
            self._note_trouble(f"{self._uri} names no version")
            return
        self.trouble = ""
        if served and (served.description.version, served.seal) == (version.number, version.seal):
            self.refused = None
            served.description = replace(served.description, other_corpora=version.other_corpora)
            with suppress(OSError):  # the cache deletes what nobody has opened for long
                os.utime(served.loaded.folder)
            return
        refused = self.refused
        if refused and refused.is_of(version):
            if time.monotonic() < refused.retry_at:
                return
        else:
            self.refused = None
        await self._switch(version)

    async def _switch(self, version: lookup.Version) -> None:
        self.activity = f"loading {version.label}"
        needs_trial = self._current.served is not None
        try:
            candidate = await asyncio.to_thread(self._load, version, needs_trial)
        except AvemoError as error:
            self._note_refused(version, str(error))
            return
        except Exception as error:
            self._note_refused(version, f"{type(error).__name__}: {error}")
            return
        finally:
            self.activity = ""
        self.refused = None
        self._current.switch(candidate.loaded, candidate.description, candidate.seal)

    def _note_refused(self, version: lookup.Version, reason: str) -> None:
        before = self.refused
        trials = before.trials + 1 if before else 1
        pause_s = min(_FIRST_RETRY_S * 2 ** (trials - 1), _MAX_RETRY_S)
        since = before.since if before else datetime.now(UTC)
        retry_at = time.monotonic() + pause_s
        self.refused = RefusedVersion(
            version.label, reason, since, version.seal, version.signature, trials, retry_at
        )
        served = self._current.served
        goes_on = f"; {served.description.label} still {self._current.role}" if served else ""
        log.error("avemo: %s may not answer: %s%s", version.label, reason, goes_on)

    def _note_away(self, reason: str) -> None:
        self.activity = ""
        self.trouble = reason
        if self.away_since is None:
            self.away_since = datetime.now(UTC)
            log.warning("avemo: the registry does not answer: %s", reason)

    def _note_back(self) -> None:
        self.activity = ""
        self.last_contact = datetime.now(UTC)
        if self.away_since is not None:
            away_s = (self.last_contact - self.away_since).total_seconds()
            log.info("avemo: the registry answers again, after %.0f s", away_s)
            self.away_since = None

    def _note_number(self, number: str) -> None:
        """Tell others that the alias names another version than at the last look."""
        if self._number is not None and self._number != number:
            self._on_move()
        self._number = number

    def _note_trouble(self, reason: str) -> None:
        if self.trouble != reason:
            log.warning("avemo: %s", reason)
        self.trouble = reason


def ask_registry(uri: str) -> lookup.Version | None:
    """Return the version that a URI names; None where there is none.

    Raises:
        AvemoError: the registry does not answer
    """
    address = os.environ[store.TRACKING_URI]
    if store.is_away(address):
        raise AvemoError(f"{address} does not answer")
    file = sqlite_file(address)
    if file and not file.exists():
        raise AvemoError(f"{address} does not exist")  # MLflow would create it
    return lookup.find_versions([uri])[uri]
