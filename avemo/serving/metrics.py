"""What Prometheus reads: requests, queue, answers, versions. No label holds what a client wrote."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["CONTENT_TYPE", "Metrics", "State"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


@dataclass(frozen=True)
class State:
    """How a service stands at a moment.

    Args:
        ready: it answers
        model: the registered model that is served
        version: that answers; empty where none does
        switches: versions that were switched to
        refused: the alias names a version that may not answer
        shadow_refused: the version that is to be compared may not be
        registry_away_s: since the registry was found away; 0 where it answers
        waiting_s: seconds of media that wait for a worker
        rate: seconds of media that are answered in a second
        busy_workers: that predict
        busy_timelines: under way
        spool_bytes: of uploads on disk
    """

    ready: bool
    model: str
    version: str
    switches: int
    refused: bool
    shadow_refused: bool
    registry_away_s: float
    waiting_s: float
    rate: float
    busy_workers: int
    busy_timelines: int
    spool_bytes: int


class Metrics:
    """The service's own counters, apart from those of other libraries in the process."""

    def __init__(self) -> None:
        self._collectors = collectors = CollectorRegistry()
        self.requests = Counter(
            "avemo_requests", "Requests", ["method", "route", "status"], registry=collectors
        )
        self.request_seconds = Histogram(
            "avemo_request_seconds", "From first byte to last", ["route"], buckets=_SECONDS,
            registry=collectors,
        )  # fmt: skip
        self.refusals = Counter("avemo_refusals", "Requests refused", ["code"], registry=collectors)
        self.predictions = Counter(
            "avemo_predictions", "Clips answered", ["version", "answer"], registry=collectors
        )
        self.answer_seconds = Histogram(
            "avemo_answer_seconds",
            "A worker's time for a clip",
            buckets=_SECONDS,
            registry=collectors,
        )
        self.recorded = Counter("avemo_answers_recorded", "Answers recorded", registry=collectors)
        self.not_recorded = Counter(
            "avemo_answers_not_recorded", "Answers that could not be recorded", registry=collectors
        )
        self.shadow_clips = Counter(
            "avemo_shadow_clips", "What became of clips for the candidate", ["outcome"],
            registry=collectors,
        )  # fmt: skip
        self._waiting = Gauge(
            "avemo_queue_media_seconds", "Media that wait for a worker", registry=collectors
        )
        self._rate = Gauge(
            "avemo_media_seconds_per_second", "Media answered in a second", registry=collectors
        )
        self._busy = Gauge("avemo_busy_workers", "Workers that work", ["kind"], registry=collectors)
        self._spool = Gauge("avemo_spool_bytes", "Uploads on disk", registry=collectors)
        self._ready = Gauge("avemo_ready", "Whether it answers", registry=collectors)
        self._switches = Gauge(
            "avemo_version_switches", "Versions switched to", registry=collectors
        )
        self._away = Gauge(
            "avemo_registry_away_seconds", "Since the registry answered last, 0 if it does",
            registry=collectors,
        )  # fmt: skip
        self._refused = Gauge(
            "avemo_version_refused", "Whether the alias names a version that may not answer",
            registry=collectors,
        )  # fmt: skip
        self._shadow_refused = Gauge(
            "avemo_shadow_refused", "Whether the candidate may not be compared",
            registry=collectors,
        )  # fmt: skip
        self._version = Gauge(
            "avemo_version_info",
            "The version that answers",
            ["name", "version"],
            registry=collectors,
        )

    def render(self, state: State) -> bytes:
        """Return the text that Prometheus reads.

        Args:
            state: how the service stands at the moment
        """
        self._waiting.set(state.waiting_s)
        self._rate.set(state.rate)
        self._busy.labels("predict").set(state.busy_workers)
        self._busy.labels("timeline").set(state.busy_timelines)
        self._spool.set(state.spool_bytes)
        self._ready.set(state.ready)
        self._switches.set(state.switches)
        self._refused.set(state.refused)
        self._shadow_refused.set(state.shadow_refused)
        self._away.set(state.registry_away_s)
        self._version.clear()
        if state.version:
            self._version.labels(state.model, state.version).set(1)
        return generate_latest(self._collectors)
