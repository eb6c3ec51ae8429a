"""Clips answered by replicas on the machines of a Ray cluster.

The service itself (addresses, bounds, queue, the alias, timelines) stays in this process. A replica
gets one clip at a time and the version to answer with. A prediction changes nothing, so that a clip
whose replica dies goes to another one.
"""

from __future__ import annotations

import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine import connect_to_ray
from ..errors import AvemoError, SettingsError
from ..inference.adaptation import SpeakerStatistics
from ..tracking.lookup import Version
from .job import Job
from .replica import NotLoadedError, Replica, VersionFiles, pack
from .service import ServiceConfig
from .versions.example import Row
from .versions.loaded import LoadedVersion

__all__ = ["RayEngine", "Replicas"]

log = logging.getLogger(__name__)

#: from one look at whether anybody still waits for an answer to the next
_LOOK_S = 0.2
#: before a clip is given to a replica again; its own deadline may come first
_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Replicas:
    """How many replicas there are.

    Args:
        least: at any time
        most: under load
    """

    least: int
    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise SettingsError(
                f"{self.least} to {self.most} replicas: 1 to some more are expected"
            )


class RayEngine:
    """Replicas on a cluster, from now until `close`.

    Args:
        config: of the service
        port: where the service listens; a service that starts again there takes over its replicas
        replicas: their number
        address: of the cluster, `auto` or HOST:PORT

    Raises:
        SettingsError: there is no such cluster, or Ray Serve is not installed
    """

    def __init__(
        self, config: ServiceConfig, port: int, *, replicas: Replicas, address: str
    ) -> None:
        try:
            from ray import serve
        except ImportError:
            raise SettingsError(
                "Ray Serve is not installed: pip install 'avemo[ray,serve]'"
            ) from None
        self.slots = replicas.most * config.workers
        self._always_free = replicas.least * config.workers
        self._decoders = config.serving.timelines
        self._name = f"avemo-{socket.gethostname()}-{port}"
        self._ending = ExitStack()
        self._ending.enter_context(connect_to_ray(address))
        serve.start(proxy_location="Disabled")
        # it warns of a replica that has died several times a second
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        target = serve.RunTarget(_application(config, replicas), self._name, route_prefix=None)
        # a version that waits for its replicas says so in /readyz
        (self._handle,) = serve.run_many([target], wait_for_applications_running=False)
        self._ending.callback(serve.delete, self._name)

    def load(self, version: Version, folder: Path) -> LoadedVersion:
        """Load a version into this process, for timelines, and give it to the replicas."""
        return _VersionOnReplicas(
            version, folder, self._decoders, handle=self._handle, examples=self._always_free
        )

    def close(self) -> None:
        """End the replicas."""
        self._ending.close()


class _VersionOnReplicas(LoadedVersion):
    """A version whose predictions replicas make; its timelines are made in this process.

    Args:
        version: in the registry
        folder: with its files
        decoders: processes that decode for timelines
        handle: of the replicas
        examples: how often it is tried: as many clips as the replicas answer at a time, so that
            each of them loads it
    """

    def __init__(
        self, version: Version, folder: Path, decoders: int, *, handle: Any, examples: int
    ) -> None:
        import ray

        super().__init__(folder, decoders)
        self._files = VersionFiles(version, ray.put(pack(folder)))
        self._handle = handle
        self._examples = examples

    def answer(
        self, media: Path | bytes, job: Job, speaker: SpeakerStatistics | None = None
    ) -> Row:
        """Return a replica's prediction, of another replica where one dies."""
        import ray

        job.require_wanted()
        content = media.read_bytes() if isinstance(media, Path) else media
        for pause_s in _PAUSES_S:
            try:
                return self._ask(content, job, speaker)
            except _transient_errors() as error:
                job.require_wanted()
                reason = str(error).splitlines()[0]
                log.warning(
                    "avemo: %s: a clip goes to another replica: %s",
                    self._files.version.label,
                    reason,
                )
            time.sleep(pause_s)
        try:
            return self._ask(content, job, speaker)
        except ray.exceptions.RayError as error:
            raise AvemoError(f"no replica answers: {str(error).splitlines()[0]}") from None

    def answer_example(self) -> None:
        """Answer its own example on the replicas."""
        answer_once = super().answer_example
        answer_once()  # the first call of a handle sets it up
        with ThreadPoolExecutor(self._examples) as pool:
            tries = [pool.submit(answer_once) for _ in range(self._examples)]
        for finished in tries:
            finished.result()

    def _ask(self, content: bytes, job: Job, speaker: SpeakerStatistics | None) -> Row:
        import ray

        response = self._handle.answer.remote(self._files, content, speaker)
        while True:
            try:
                row: Row = response.result(timeout_s=_LOOK_S)
            except TimeoutError:
                try:
                    job.require_wanted()
                except AvemoError:
                    response.cancel()
                    raise
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, AvemoError):
                    raise error.cause from None
                raise
            else:
                return row


def _transient_errors() -> tuple[type[Exception], ...]:
    """Return what Ray raises where a replica or its machine is lost, and the replica's own."""
    from ray import exceptions
    from ray.serve.exceptions import ReplicaUnavailableError

    return (
        exceptions.RayActorError,  # an actor has died or is not reached
        exceptions.NodeDiedError,
        exceptions.WorkerCrashedError,
        exceptions.ObjectLostError,  # the answer was on that machine
        ReplicaUnavailableError,
        NotLoadedError,
    )


def _application(config: ServiceConfig, replicas: Replicas) -> Any:
    """Return what Ray Serve runs."""
    from ray import serve

    deployment: Any = serve.deployment(
        name="avemo",
        ray_actor_options={"num_cpus": config.workers},
        max_ongoing_requests=config.workers,
        autoscaling_config={
            "min_replicas": replicas.least,
            "max_replicas": replicas.most,
            "target_ongoing_requests": config.workers,
        },
        graceful_shutdown_timeout_s=config.serving.drain_s,
        logging_config={"enable_access_log": False},
    )(Replica)
    return deployment.bind(config.workers)
