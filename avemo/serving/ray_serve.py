"""The same application on Ray Serve: replicas on the machines of a cluster.

Each replica is a service of its own, with its own workers, queue and spool. It follows the alias by
itself, so that replicas switch one after the other.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engine import connect_to_ray
from ..errors import SettingsError
from .app import create_app
from .asgi import App
from .service import Service, ServiceConfig

__all__ = ["Replicas", "deploy"]

log = logging.getLogger(__name__)

_NAME = "avemo"
#: what a replica needs of the environment: where the registry is, and who asks it
_PASSED_ON = ("MLFLOW_", "AVEMO_", "DO_NOT_TRACK")


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


def deploy(
    config: ServiceConfig, host: str, port: int, *, replicas: Replicas, address: str
) -> None:
    """Run the service on a cluster until a signal ends it.

    Args:
        config: of each replica
        host: where each node listens
        port: likewise
        replicas: their number
        address: of the cluster, `auto` or HOST:PORT

    Raises:
        SettingsError: there is no such cluster, or Ray Serve is not installed
    """
    try:
        from ray import serve
        from ray.serve.config import HTTPOptions
    except ImportError:
        raise SettingsError("Ray Serve is not installed: pip install 'avemo[ray,serve]'") from None
    with connect_to_ray(address):
        serve.start(http_options=HTTPOptions(host=host, port=port, location="EveryNode"))
        serve.run(_application(config, replicas), name=_NAME, route_prefix="/")
        log.info("avemo: replicas answer at port %s of each node", port)
        _wait_for_signal()
        serve.delete(_NAME)


def _application(config: ServiceConfig, replicas: Replicas) -> Any:
    """Return what Ray Serve runs."""
    from ray import serve

    serving = config.serving

    def build() -> App:
        service = Service(config)
        return create_app(service, served_within_s=serving.load_timeout_s)

    @serve.deployment(
        name=_NAME,
        ray_actor_options={
            "num_cpus": config.workers,
            "runtime_env": {"env_vars": dict(_passed_on(os.environ))},
        },
        # the service has its own queue, and says 503 when it is full
        max_ongoing_requests=1000,
        autoscaling_config={
            "min_replicas": replicas.least,
            "max_replicas": replicas.most,
            "target_ongoing_requests": 2 * config.workers,
        },
        graceful_shutdown_timeout_s=serving.drain_s,
    )
    @serve.ingress(build)
    class Replica:
        """A service."""

    deployment: Any = Replica
    return deployment.bind()


def _passed_on(environment: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_PASSED_ON)}


def _wait_for_signal() -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
