"""A search by several processes: Keras Tuner's chief hands out trials, its workers run them.

They share the search's folder and the tracking store. One that dies is started again and goes on:
the chief from its kept state, a worker with the trial that it had, of which finished fits are kept.
None outlives the process that started it.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ... import engine
from ...errors import AvemoError, SettingsError
from ...paths import ROOT, Project
from ...settings import Settings
from ...tracking.store import TRACKING_URI
from .. import progress
from .process import Local, Process, Task

__all__ = ["WORKERS", "count", "run"]

#: overrides search.workers in params.yaml
WORKERS = "AVEMO_SEARCH_WORKERS"
#: as Keras Tuner knows it
_CHIEF = "chief"
#: after as many of one process without a fit between them, it is the search's fault
_DEATHS = 3
_PAUSE_S = 0.5


def count(settings: Settings) -> int:
    """How many workers are asked for.

    Raises:
        SettingsError: AVEMO_SEARCH_WORKERS is no such number
    """
    text = os.environ.get(WORKERS)
    if text is None:
        return settings.search.workers
    if not (text.isdecimal() and int(text)):
        raise SettingsError(f"{WORKERS} is {text!r}: give the number of workers, 1 or more")
    return int(text)


def run(
    project: Project,
    settings: Settings,
    modality: str,
    scratch: Path,
    workers: int,
    show: Callable[[], None],
) -> None:
    """Run every trial of a search that the oracle keeps in its folder.

    Args:
        scratch: the search's folder; with `engine: ray` one that every machine has
        workers: how many trials at a time
        show: called twice a second

    Raises:
        AvemoError: a process died again and again
    """
    with ExitStack() as stack:
        ray = (
            stack.enter_context(engine.connect_to_ray(settings.cluster))
            if settings.cluster
            else None
        )
        ip = ray.util.get_node_ip_address() if ray else "127.0.0.1"
        port = stack.enter_context(_reserved(ip))
        shared = {
            "KERASTUNER_ORACLE_IP": ip,
            "KERASTUNER_ORACLE_PORT": str(port),
            "no_grpc_proxy": ip,
            "TF_NUM_INTRAOP_THREADS": str(_threads(ray, workers)),
            "TF_NUM_INTEROP_THREADS": "1",
            ROOT: str(project.root),
            "PYTHONPATH": _code(),
            TRACKING_URI: os.environ[TRACKING_URI],
        }
        arguments = ["-m", f"{__package__}.worker", modality, str(scratch)]

        def member(name: str) -> _Member:
            environment = shared | {"KERASTUNER_TUNER_ID": name}
            log = scratch / f"{name}.log"

            def start() -> Process:
                if ray and name != _CHIEF:
                    return Task(ray, arguments, environment, log)
                return Local(arguments, environment, log)

            made = _Member(name, log, start)
            stack.callback(made.stop)
            return made

        chief = member(_CHIEF)
        each = [member(f"tuner{number}") for number in range(workers)]
        while True:
            show()
            done = progress.finished(scratch)
            # each is asked, so that each that died is started again
            ended = [one.ended(done[one.name]) for one in each]
            if chief.ended(done.total()) or all(ended):
                break
            time.sleep(_PAUSE_S)
    show()


class _Member:
    """A process of the search, started again where it dies.

    Args:
        name: as Keras Tuner knows it
        log: where what it says goes
        start: starts it
    """

    def __init__(self, name: str, log: Path, start: Callable[[], Process]) -> None:
        self.name = name
        self.log = log
        self.start = start
        self.process = start()
        self.deaths = 0
        self.finished = 0

    def ended(self, finished: int) -> bool:
        """Whether it did all that there was for it.

        Args:
            finished: how many fits it has finished

        Raises:
            AvemoError: it has died too often without finishing any
        """
        code = self.process.code()
        if code is None or code == 0:
            return code == 0
        self.deaths = 1 if finished > self.finished else self.deaths + 1
        self.finished = finished
        if self.deaths == _DEATHS:
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise AvemoError(
                f"the search's process {self.name} ended {_DEATHS} times without finishing a fit "
                f"({how}): {_last_lines(self.log)} (all it said: {self.log}); what is finished is "
                "kept, and the same command goes on from there"
            )
        self.stop()
        self.process = self.start()
        return False

    def stop(self) -> None:
        """End it for good."""
        self.process.stop()


def _threads(ray: Any, workers: int) -> int:
    """A worker's share of the cores, which all are of one machine."""
    cores = [engine.count_cores()]
    if ray:
        cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min(max(cores), sum(cores) // workers))


@contextmanager
def _reserved(ip: str) -> Iterator[int]:
    """A port that nobody else gets, and that each chief after the other may listen on."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((ip, 0))
        yield held.getsockname()[1]


def _code() -> str:
    """PYTHONPATH for the same avemo as this one."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
    return os.pathsep.join(filter(None, paths))


def _last_lines(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # it may have said the same each time
    return " ".join(dict.fromkeys(lines[-3:])) or "it said nothing"
