"""Everything that a running service holds, and how it answers for one clip."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from ..errors import AvemoError, MediaError
from ..inference.adaptation import SpeakerStatistics
from ..inference.prediction import Prediction
from ..settings import Serving
from ..tracking.keys import PublicKey
from ..tracking.lookup import Version
from .admission import Admission, estimate_seconds
from .engine import Engine, LocalEngine
from .job import Job
from .metrics import Metrics, State
from .record.inquiry import Inquiry
from .record.recorder import Recorder
from .refusal import Refusal
from .registry_view import RegistryView
from .shadow.cost import AnswerCost
from .shadow.shadow import Shadow, ShadowConfig
from .speakers.kept import KeptSpeakers
from .spool import Spool
from .versions.current import CurrentVersion, ServedVersion
from .versions.example import Row
from .versions.follower import Follower, ask_registry
from .versions.loaded import LoadedVersion
from .versions.loading import Candidate, load_version
from .workers import Workers

__all__ = ["Answer", "Readiness", "Service", "ServiceConfig"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class ServiceConfig:
    """How a service is started.

    Args:
        model: the registered model's name
        alias: the version that answers has it
        serving: of params.yaml
        workers: threads that answer, and processes that decode for them
        key_digests: SHA-256 of each key; none where no key is wanted
        webhook_secret: of MLflow's webhook; empty where there is none
        local_only: it is for this machine alone
        require_key: that must have signed a version that answers; None where none is required
        speakers_folder: where statistics of people are kept, if `serving` says so; None for nowhere
        record_folder: where answers are recorded; None where they are not
    """

    model: str
    alias: str
    serving: Serving
    workers: int
    key_digests: tuple[bytes, ...] = ()
    webhook_secret: str = ""
    local_only: bool = True
    require_key: PublicKey | None = None
    speakers_folder: Path | None = None
    record_folder: Path | None = None

    @property
    def uri(self) -> str:
        """As MLflow takes it, such as `models:/avemo-fused@champion`."""
        return f"models:/{self.model}@{self.alias}"


@dataclass(frozen=True)
class Readiness:
    """Whether the service answers, and what stands against it or is not as it should be."""

    ready: bool
    reason: str


@dataclass(frozen=True)
class Answer:
    """A version's answer for one clip.

    Args:
        row: as the version's own code gives it, see `Prediction.to_row`
        prediction: the same
        id: in the record; empty where it is not recorded
    """

    row: Row
    prediction: Prediction
    id: str = ""


class Service:
    """A running service; it belongs to the event loop's thread.

    Args:
        config: how it is started
        engine: answers clips; by default this process
    """

    def __init__(self, config: ServiceConfig, engine: Engine | None = None) -> None:
        self.config = config
        self.engine = engine or LocalEngine(config.workers)
        serving = config.serving
        self.metrics = Metrics()
        retention = timedelta(days=serving.record_days)
        self.recorder = Recorder(config.record_folder, retention, self.metrics)
        self.spool = Spool(round(serving.spool_mb * 1e6))
        self.admission = Admission(self.engine.slots, serving.max_queue_s)
        self.workers = Workers(self.engine.slots, "avemo-predict")
        self.timeline_workers = Workers(serving.timelines, "avemo-timeline")
        self.current = CurrentVersion(self._free)
        self.follower = Follower(
            config.uri,
            self.current,
            ask=ask_registry,
            load=self._load,
            poll_s=serving.poll_s,
            on_move=self._read_history,
        )
        self.shadow: Shadow | None = None
        if serving.shadow.version:
            compared = ShadowConfig(config.model, serving, self.spool.folder, config.require_key)
            self.shadow = Shadow(compared, self.current, self._has_room, self.metrics)
        self.registry = RegistryView(config.model)
        self.speakers = KeptSpeakers(config.speakers_folder, serving.speakers)
        self.draining = False
        self.requests = 0
        self._background: set[asyncio.Task[None]] = set()

    def readiness(self) -> Readiness:
        """Return whether it answers, and if not, why."""
        if self.draining:
            return Readiness(False, "the service is being stopped")
        if self.current.served:
            return Readiness(True, "")
        follower = self.follower
        if follower.refused:
            return Readiness(False, f"{follower.refused.label}: {follower.refused.reason}")
        return Readiness(False, follower.trouble or follower.activity or "starting")

    def state(self) -> State:
        """Return how it stands at the moment, for Prometheus."""
        served = self.current.served
        return State(
            ready=self.readiness().ready,
            model=self.config.model,
            version=served.description.version if served else "",
            switches=self.current.switches,
            refused=self.follower.refused is not None,
            shadow_refused=self.shadow is not None and self.shadow.state().refused is not None,
            registry_away_s=self.follower.away_s,
            waiting_s=self.admission.waiting_s,
            rate=self.admission.rate,
            busy_workers=self.workers.busy,
            busy_timelines=self.timeline_workers.busy,
            spool_bytes=self.spool.used_bytes,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the alias inside the block, and end all work after it."""
        running = [
            asyncio.create_task(self.follower.run()),
            asyncio.create_task(self.speakers.expire_hourly()),
            asyncio.create_task(self.recorder.expire_hourly()),
            *([asyncio.create_task(self.shadow.run())] if self.shadow else []),
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            self.workers.close()
            self.timeline_workers.close()
            if self.current.served:
                self.current.served.loaded.close()
            self.spool.close()
            await asyncio.to_thread(self.recorder.close)
            await asyncio.to_thread(self.engine.close)

    async def answer(
        self,
        served: ServedVersion,
        media: Path | bytes,
        size: int,
        hang_up: asyncio.Future[None],
        speaker: SpeakerStatistics | None = None,
        inquiry: Inquiry | None = None,
    ) -> Answer:
        """Return a version's answer for one clip.

        Args:
            served: the version
            media: the file, or its content
            size: of it, in bytes
            hang_up: is done when the client has hung up
            speaker: whom it is adapted to
            inquiry: of the client that gets the answer; None where it is not recorded

        Raises:
            Refusal: the version fails, or the client has hung up
        """
        cost, adapted = AnswerCost(), speaker is not None

        def work(job: Job) -> Row:
            with cost.measured():
                return served.loaded.answer(media, job, speaker)

        start = time.perf_counter()
        row = await self._run(served, work, size, hang_up)
        answer = self._read_row(served, row, adapted=adapted)
        elapsed_s = time.perf_counter() - start
        if self.shadow:
            self.shadow.offer(served, media, size, answer.prediction, cost, adapted=adapted)
        answer_id = await self.recorder.record_clip(
            inquiry, served, answer.prediction, media, elapsed_s, adapted=adapted
        )
        return replace(answer, id=answer_id)

    async def enrol(
        self,
        served: ServedVersion,
        media: Path,
        size: int,
        hang_up: asyncio.Future[None],
        *,
        neutral: bool,
    ) -> SpeakerStatistics:
        """Return what one clip says of its speaker.

        Args:
            served: the version
            media: the file
            size: of it, in bytes
            hang_up: is done when the client has hung up
            neutral: the person speaks neutrally in it

        Raises:
            MediaError: the clip cannot be used
            Refusal: the version fails, or the client has hung up
        """

        def work(job: Job) -> SpeakerStatistics:
            return served.loaded.enrol(media, job, neutral=neutral)

        return await self._run(served, work, size, hang_up)

    async def _run(
        self,
        served: ServedVersion,
        work: Callable[[Job], Result],
        size: int,
        hang_up: asyncio.Future[None],
    ) -> Result:
        """Return what a thread computes of one clip.

        Raises:
            MediaError: the clip cannot be used
            Refusal: the version fails, or the client has hung up
        """
        seconds, job = estimate_seconds(size), Job()

        def timed() -> tuple[Result, float]:
            start = time.perf_counter()
            result = work(job)
            return result, time.perf_counter() - start

        try:
            result, elapsed_s = await self.workers.run(
                timed,
                job=job,
                hang_up=hang_up,
                on_start=lambda: self.admission.begin(seconds),
                on_end=lambda: self.admission.end(seconds),
            )
        except (Refusal, MediaError):
            raise
        except AvemoError as error:
            raise Refusal(500, "model-failed", f"{served.description.label}: {error}") from error
        self.admission.measure(seconds, elapsed_s)
        self.metrics.answer_seconds.observe(elapsed_s)
        return result

    def _read_row(self, served: ServedVersion, row: Row, *, adapted: bool) -> Answer:
        description = served.description
        prediction = Prediction.from_row(
            row, model=description.label, synthetic=description.synthetic
        )
        if not all(map(math.isfinite, prediction.probabilities.values())):
            if adapted:
                message = "no person has these statistics: enrol the speaker again"
                raise Refusal(422, "statistics", message)
            message = f"{description.label} answers with what is no number"
            raise Refusal(500, "model-failed", message)
        answer = prediction.finding or prediction.emotion
        self.metrics.predictions.labels(description.version, answer).inc()
        return Answer(row, prediction)

    def _load(self, version: Version, needs_trial: bool) -> Candidate:
        serving = self.config.serving
        return load_version(
            version,
            self.config.alias,
            load=self.engine.load,
            timeout_s=serving.load_timeout_s,
            needs_trial=needs_trial,
            require_key=self.config.require_key,
        )

    def _has_room(self) -> bool:
        """Return whether most workers are idle, so that another version may be asked, too."""
        return 2 * self.workers.busy < self.workers.count and not self.admission.waiting_s

    def _free(self, loaded: LoadedVersion) -> None:
        self._start(asyncio.to_thread(loaded.close))

    def _read_history(self) -> None:
        """Look at the history, which records a move that was made outside avemo."""

        async def read() -> None:
            self.registry.expire()
            with suppress(Refusal):  # the next look finds it
                await self.registry.read()

        self._start(read())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
