"""The process: it listens, follows the alias, and on SIGTERM finishes what it has begun."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import uvicorn

from .app import create_app
from .engine import Engine
from .protocol import Protocol
from .service import Service, ServiceConfig

__all__ = ["serve"]

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: of connections at a time; more are refused at once
_MAX_CONNECTIONS = 512


def serve(config: ServiceConfig, host: str, port: int, engine: Engine | None = None) -> NoReturn:
    """Answer until a signal ends it, then end the process.

    Args:
        config: how the service is started
        host: where it listens
        port: likewise
        engine: answers clips; by default this process
    """
    _log_to_stderr()
    sys.dont_write_bytecode = True  # among a version's files, it would be a change
    asyncio.run(_serve(config, host, port, engine))
    raise AssertionError


async def _serve(config: ServiceConfig, host: str, port: int, engine: Engine | None) -> NoReturn:
    service = Service(config, engine)
    server = _Server(
        uvicorn.Config(
            create_app(service),
            host=host,
            port=port,
            http=Protocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=5,
        ),
        service,
    )
    try:
        await server.serve()
    except SystemExit:  # the address is taken, and the log says so
        service.spool.close()
    logging.shutdown()
    # a thread that a version keeps busy, or that is just trying one, must not hold the process
    os._exit(0 if server.started else 1)


class _Server(uvicorn.Server):
    """uvicorn, which ends with exit code 0 once the requests under way are answered."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._draining: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that end a service, for the length of the block."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._take_signal, number)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _take_signal(self, number: signal.Signals) -> None:
        if self._draining:
            self.should_exit = self.force_exit = True
            return
        log.info("avemo: %s: no new requests; %s under way", number.name, self._service.requests)
        self._service.draining = True
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        """Wait for the requests under way, but not for ever; it listens on, to say so."""
        end = time.monotonic() + self._service.config.serving.drain_s
        while self._service.requests and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if self._service.requests:
            log.warning("avemo: %s requests are cut off", self._service.requests)
        self.should_exit = True


class _Formatter(logging.Formatter):
    """Lines with the time in UTC and the level."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")


def _log_to_stderr() -> None:
    """Send the log of avemo and of the server to the standard error, and nobody else's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    for name, level in (("avemo", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
