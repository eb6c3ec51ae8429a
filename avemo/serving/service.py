"""Everything that a running service holds, and how it answers for one clip."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import AvemoError
from ..inference.prediction import Prediction
from ..settings import Serving
from ..tracking.keys import PublicKey
from ..tracking.lookup import Version
from .admission import Admission, estimate_seconds
from .engine import Engine, LocalEngine
from .job import Job
from .metrics import Metrics, State
from .refusal import Refusal
from .registry_view import RegistryView
from .spool import Spool
from .versions.current import CurrentVersion, ServedVersion
from .versions.example import Row
from .versions.follower import Follower, ask_registry
from .versions.loaded import LoadedVersion
from .versions.loading import Candidate, load_version
from .workers import Workers

__all__ = ["Answer", "Readiness", "Service", "ServiceConfig"]


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
    """

    model: str
    alias: str
    serving: Serving
    workers: int
    key_digests: tuple[bytes, ...] = ()
    webhook_secret: str = ""
    local_only: bool = True
    require_key: PublicKey | None = None

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
    """

    row: Row
    prediction: Prediction


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
        self.spool = Spool(round(serving.spool_mb * 1e6))
        self.admission = Admission(self.engine.slots, serving.max_queue_s)
        self.workers = Workers(self.engine.slots, "avemo-predict")
        self.timeline_workers = Workers(serving.timelines, "avemo-timeline")
        self.metrics = Metrics()
        self.current = CurrentVersion(self._free)
        self.follower = Follower(
            config.uri,
            self.current,
            ask=ask_registry,
            load=self._load,
            poll_s=serving.poll_s,
            on_move=self._read_history,
        )
        self.registry = RegistryView(config.model)
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
        following = asyncio.create_task(self.follower.run())
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            self.workers.close()
            self.timeline_workers.close()
            if self.current.served:
                self.current.served.loaded.close()
            self.spool.close()
            await asyncio.to_thread(self.engine.close)

    async def answer(
        self, served: ServedVersion, media: Path | bytes, size: int, hang_up: asyncio.Future[None]
    ) -> Answer:
        """Return a version's answer for one clip.

        Args:
            served: the version
            media: the file, or its content
            size: of it, in bytes
            hang_up: is done when the client has hung up

        Raises:
            Refusal: the version fails, or the client has hung up
        """
        seconds, job = estimate_seconds(size), Job()

        def work() -> tuple[Row, float]:
            start = time.perf_counter()
            row = served.loaded.answer(media, job)
            return row, time.perf_counter() - start

        try:
            row, elapsed_s = await self.workers.run(
                work,
                job=job,
                hang_up=hang_up,
                on_start=lambda: self.admission.begin(seconds),
                on_end=lambda: self.admission.end(seconds),
            )
        except Refusal:
            raise
        except AvemoError as error:
            raise Refusal(500, "model-failed", f"{served.description.label}: {error}") from error
        self.admission.measure(seconds, elapsed_s)
        self.metrics.answer_seconds.observe(elapsed_s)
        return self._read_row(served, row)

    def _read_row(self, served: ServedVersion, row: Row) -> Answer:
        description = served.description
        prediction = Prediction.from_row(
            row, model=description.label, synthetic=description.synthetic
        )
        if not all(map(math.isfinite, prediction.probabilities.values())):
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
