"""The record as the service's event loop sees it: an answer is recorded before it goes out.

Where that fails, such as on a full disk, the service answers on, says so once, and tries again with
the next answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...errors import AvemoError
from ...inference.prediction import Prediction
from ...tracking.integrity import compute_sha256
from ..metrics import Metrics
from ..refusal import Refusal
from ..versions.current import ServedVersion
from .inquiry import Inquiry
from .rows import AnswerDraft, AnswerSettings, Correction
from .store import RecordStore
from .timeline import Row, read_window, summarise

__all__ = ["Recorder"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_HOUR_S = 3600.0


class Recorder:
    """The record of a service; it belongs to the event loop's thread.

    Args:
        folder: None where nothing is recorded
        retention: how long a row is kept
        metrics: count what is recorded and what is not
        now: returns the time, in UTC

    Raises:
        AvemoError: the folder cannot be recorded to
    """

    def __init__(
        self,
        folder: Path | None,
        retention: timedelta,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.retention = retention
        self._store = RecordStore(folder, now) if folder else None
        self._metrics = metrics
        self._now = now
        self._thread = ThreadPoolExecutor(1, "avemo-record")
        self._failing_since: datetime | None = None
        self._trouble = ""
        self._missed = 0

    @property
    def is_on(self) -> bool:
        """Whether answers are recorded."""
        return self._store is not None

    @property
    def retention_days(self) -> float:
        """How long a row is kept, in days."""
        return self.retention / timedelta(days=1)

    def to_dict(self) -> dict[str, object] | None:
        """Return what `/readyz` says of the record; None where nothing is recorded."""
        if not self._store:
            return None
        since = self._failing_since
        return {
            "records": since is None,
            "not_recorded_since": since and since.isoformat(timespec="seconds"),
            "not_recorded": self._missed,
            "trouble": self._trouble,
        }

    async def record_clip(
        self,
        inquiry: Inquiry | None,
        served: ServedVersion,
        prediction: Prediction,
        media: Path | bytes,
        seconds: float,
        *,
        adapted: bool,
    ) -> str:
        """Record the answer for a clip, and return its id; empty where it is not recorded.

        Args:
            inquiry: of the client; None where it is no answer to one
            served: the version
            prediction: of the version
            media: the file, or its content
            seconds: that the answer took
            adapted: to a person
        """
        if not self._store or not inquiry:
            return ""
        return await self._record(
            inquiry,
            served,
            media,
            AnswerSettings(adapted=adapted),
            seconds,
            prediction=prediction,
        )

    async def record_timeline(
        self,
        inquiry: Inquiry,
        served: ServedVersion,
        rows: Sequence[Row],
        media: Path,
        settings: AnswerSettings,
        seconds: float,
    ) -> str:
        """Record a timeline, and return its id; empty where it is not recorded.

        Args:
            inquiry: of the client
            served: the version
            rows: all that were sent
            media: the file, which is complete
            settings: of the timeline
            seconds: from the first byte of the upload to the last row
        """
        return await self._record(inquiry, served, media, settings, seconds, rows=rows)

    async def correct(self, answer_id: str, emotion: str, *, consent: bool) -> Correction:
        """Record what a person says the emotion is.

        Args:
            answer_id: what is corrected
            emotion: what the person says
            consent: the clip may be used for training

        Raises:
            Refusal: nothing is recorded here, there is no such answer or emotion, or the disk is
                full
        """
        store = self._store
        if not store:
            message = "this service records no answers: avemo serve --record FOLDER"
            raise Refusal(403, "record-off", message)

        def work() -> Correction:
            answer = store.find(answer_id)
            if not answer:
                raise Refusal(404, "answer", "there is no answer of this id, or not any more")
            if emotion not in answer.classes:
                expected = ", ".join(answer.classes)
                message = f"the emotion is none of the version's classes: {expected}"
                raise Refusal(422, "emotion", message)
            return store.correct(answer, emotion, consent=consent)

        try:
            return await self._run(work)
        except Refusal:
            raise
        except (OSError, AvemoError) as error:
            self._note_failure(error, answer_rows=0)
            message = "the correction is not recorded, and the log says why: try again later"
            raise Refusal(503, "record", message, retry_after_s=60) from None

    async def expire_hourly(
        self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Remove what is too old, now and each hour, until it is cancelled.

        Args:
            sleep: waits for so many seconds
        """
        while self._store:
            try:
                removed = await self._run(partial(self._store.expire, self.retention))
            except (OSError, ValueError) as error:
                log.warning("avemo: the record: nothing is removed now: %s", _explain(error))
            else:
                if removed:
                    log.info("avemo: the record: %s rows have expired and are removed", removed)
            await sleep(_HOUR_S)

    def close(self) -> None:
        """Move what is recorded to its Parquet files, and let another service have the folder."""
        self._thread.shutdown()
        if self._store:
            _compact(self._store)
            self._store.close()

    async def _record(
        self,
        inquiry: Inquiry,
        served: ServedVersion,
        media: Path | bytes,
        settings: AnswerSettings,
        seconds: float,
        *,
        prediction: Prediction | None = None,
        rows: Sequence[Row] = (),
    ) -> str:
        store = self._store
        assert store
        description = served.description
        windows = tuple(map(read_window, rows))
        summary = prediction or summarise(windows)
        try:
            draft = AnswerDraft(
                sha256=await asyncio.to_thread(_checksum, media),
                model=description.name,
                version=description.version,
                seal=served.seal,
                classes=description.classes,
                settings=settings,
                finding=summary.finding,
                emotion=summary.emotion,
                unsure=summary.unsure,
                probabilities=dict(prediction.probabilities) if prediction else {},
                windows=windows,
                seconds=seconds,
                notice=inquiry.notice,
            )
            answer = await self._run(partial(store.add, draft))
        except (OSError, ValueError) as error:
            self._note_failure(error, answer_rows=1)
            return ""
        self._note_success()
        if store.is_large:
            await self._run(partial(_compact, store))
        return answer.id

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _note_failure(self, error: Exception, *, answer_rows: int) -> None:
        self._missed += answer_rows
        self._metrics.not_recorded.inc(answer_rows)
        if self._trouble != (trouble := _explain(error)):
            self._trouble = trouble
            log.warning("avemo: the record: not recorded, and answered on: %s", trouble)
        if answer_rows and not self._failing_since:
            self._failing_since = self._now()

    def _note_success(self) -> None:
        self._metrics.recorded.inc()
        if self._failing_since:
            log.info("avemo: the record: recorded again; %s answers were not", self._missed)
        self._failing_since, self._trouble, self._missed = None, "", 0


def _compact(store: RecordStore) -> None:
    try:
        store.compact()
    except (OSError, ValueError) as error:
        log.warning("avemo: the record stays in its journal for now: %s", _explain(error))


def _checksum(media: Path | bytes) -> str:
    if isinstance(media, bytes):
        return hashlib.sha256(media).hexdigest()
    return compute_sha256(media)


def _explain(error: Exception) -> str:
    """Return an error without the path, which is nobody's business."""
    text = error.strerror if isinstance(error, OSError) else ""
    return text or (str(error).splitlines() or [""])[0] or type(error).__name__
