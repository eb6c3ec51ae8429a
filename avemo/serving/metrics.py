"""What Prometheus reads: requests, queue, answers, versions. No label holds what a client wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from .service import Service

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The service's own counters, apart from those of other libraries in the process."""

    def __init__(self) -> None:
        self._collectors = own = CollectorRegistry()
        self.requests = Counter(
            "avemo_requests", "Requests", ["method", "route", "status"], registry=own
        )
        self.request_seconds = Histogram(
            "avemo_request_seconds", "From first byte to last", ["route"], buckets=_SECONDS,
            registry=own,
        )  # fmt: skip
        self.refusals = Counter("avemo_refusals", "Requests refused", ["code"], registry=own)
        self.answers = Counter(
            "avemo_answers", "Clips answered", ["version", "answer"], registry=own
        )
        self.answer_seconds = Histogram(
            "avemo_answer_seconds", "A worker's time for a clip", buckets=_SECONDS, registry=own
        )
        self._waiting = Gauge(
            "avemo_queue_media_seconds", "Media that wait for a worker", registry=own
        )
        self._rate = Gauge(
            "avemo_media_seconds_per_second", "Media answered in a second", registry=own
        )
        self._busy = Gauge("avemo_busy_workers", "Workers that work", ["kind"], registry=own)
        self._spool = Gauge("avemo_spool_bytes", "Uploads on disk", registry=own)
        self._ready = Gauge("avemo_ready", "Whether it answers", registry=own)
        self._switches = Gauge("avemo_version_switches", "Versions switched to", registry=own)
        self._away = Gauge(
            "avemo_registry_away_seconds", "Since the registry answered last, 0 if it does",
            registry=own,
        )  # fmt: skip
        self._refused = Gauge(
            "avemo_version_refused", "Whether the alias names a version that may not answer",
            registry=own,
        )  # fmt: skip
        self._version = Gauge(
            "avemo_version_info", "The version that answers", ["name", "version"], registry=own
        )

    def render(self, service: Service) -> bytes:
        """Return the text that Prometheus reads."""
        self._waiting.set(service.admission.waiting_s)
        self._rate.set(service.admission.rate)
        self._busy.labels("predict").set(service.workers.busy)
        self._busy.labels("timeline").set(service.timeline_workers.busy)
        self._spool.set(service.spool.used_bytes)
        self._ready.set(service.readiness().ready)
        self._switches.set(service.current.switches)
        self._refused.set(service.follower.refused is not None)
        self._away.set(service.follower.away_s)
        self._version.clear()
        if served := service.current.served:
            self._version.labels(served.description.name, served.description.version).set(1)
        return generate_latest(self._collectors)
