"""What the service keeps of people, if it is told to, and no longer than it is told to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...settings import ServedSpeakers
from ..refusal import Refusal
from .store import Bounds, SpeakerStore

__all__ = ["KeptSpeakers"]

log = logging.getLogger(__name__)

_HOUR_S = 3600.0


class KeptSpeakers:
    """The store of a service.

    Args:
        folder: None where there is no project
        settings: whether it keeps anything, how much and how long
        now: returns the time, in UTC
    """

    def __init__(
        self,
        folder: Path | None,
        settings: ServedSpeakers,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.retention = timedelta(days=settings.retention_days)
        self._store: SpeakerStore | None = None
        if folder and settings.keep:
            bounds = Bounds(settings.max_speakers, settings.max_clips)
            self._store = SpeakerStore(folder, bounds, now)

    def require_store(self) -> SpeakerStore:
        """Return the store.

        Raises:
            Refusal: the service keeps nothing
        """
        if self._store is None:
            raise Refusal(
                403,
                "speakers-off",
                "this service keeps nothing of people: serving.speakers.keep in params.yaml is "
                "false; /v1/enrol returns statistics, which /v1/predict takes back",
                close=True,
            )
        return self._store

    async def expire_hourly(
        self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Delete what is too old, now and each hour, until it is cancelled.

        Args:
            sleep: waits for so many seconds
        """
        while self._store:
            try:
                deleted = await asyncio.to_thread(self._store.expire, self.retention)
            except OSError as error:
                log.warning("avemo: statistics of speakers are not deleted: %s", error.strerror)
            else:
                if deleted:
                    log.info("avemo: statistics of speakers have expired: %s files", deleted)
            await sleep(_HOUR_S)
