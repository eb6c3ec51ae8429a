"""A search by several processes: Keras Tuner's chief hands out trials, its workers run them.

They share the search's folder and the tracking store. One that dies is restarted and resumes: the
chief from its saved state, a worker with its trial, whose finished fits are in the cache. None
outlives the process that started it.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

from ... import engine
from ...errors import AvemoError, SettingsError
from ...modalities import Modality
from ...paths import ROOT, Project
from ...settings import Settings
from ...tracking.store import CONNECTED, TRACKING_URI
from .. import progress
from .process import LocalProcess, Process, RayProcess

__all__ = ["WORKERS", "run_workers", "worker_count"]

#: overrides search.workers in params.yaml
WORKERS = "AVEMO_SEARCH_WORKERS"
#: Keras Tuner's name of it
_CHIEF = "chief"
#: so many of one process, without a finished fit between them, end the search
_MAX_DEATHS = 3
_PAUSE_S = 0.5


def worker_count(settings: Settings) -> int:
    """Return how many workers the environment or the settings ask for.

    Raises:
        SettingsError: AVEMO_SEARCH_WORKERS is not a whole number of 1 or more
    """
    text = os.environ.get(WORKERS)
    if text is None:
        return settings.search.workers
    if not (text.isdecimal() and int(text)):
        raise SettingsError(f"{WORKERS} is {text!r}: give the number of workers, 1 or more")
    return int(text)


def run_workers(
    project: Project,
    settings: Settings,
    modality: Modality,
    scratch: Path,
    workers: int,
    show_progress: Callable[[], None],
) -> None:
    """Run every trial of a search whose oracle is saved in its folder.

    Args:
        scratch: the search's folder; with `engine: ray`, in a file system that all machines share
        workers: how many trials at a time
        show_progress: called twice a second

    Raises:
        AvemoError: a process died three times without finishing a fit
    """
    with ExitStack() as stack:
        ray = (
            stack.enter_context(engine.connect_to_ray(settings.cluster))
            if settings.cluster
            else None
        )
        ip = ray.util.get_node_ip_address() if ray else "127.0.0.1"
        port = stack.enter_context(_reserve_port(ip))
        shared = {
            "KERASTUNER_ORACLE_IP": ip,
            "KERASTUNER_ORACLE_PORT": str(port),
            "no_grpc_proxy": ip,
            "TF_NUM_INTRAOP_THREADS": str(_threads_per_worker(ray, workers)),
            "TF_NUM_INTEROP_THREADS": "1",
            ROOT: str(project.root),
            "PYTHONPATH": _python_path(),
            TRACKING_URI: os.environ[TRACKING_URI],
            CONNECTED: "[null, null]",  # this store, wherever the project is on another machine
        }
        arguments = ["-m", f"{__package__}.worker", modality, str(scratch)]

        def supervise(name: str) -> _SupervisedProcess:
            environment = shared | {"KERASTUNER_TUNER_ID": name}
            log = scratch / f"{name}.log"

            def start() -> Process:
                if ray and name != _CHIEF:
                    return RayProcess(ray, arguments, environment, log)
                return LocalProcess(arguments, environment, log)

            process = _SupervisedProcess(name, log, start)
            stack.callback(process.stop)
            return process

        chief = supervise(_CHIEF)
        tuners = [supervise(f"tuner{number}") for number in range(workers)]
        while True:
            show_progress()
            fits = progress.count_fits(scratch)
            # a list, because each call restarts its process if it died
            ended = [tuner.has_ended(fits[tuner.name]) for tuner in tuners]
            if chief.has_ended(fits.total()) or all(ended):
                break
            time.sleep(_PAUSE_S)
    show_progress()


class _SupervisedProcess:
    """A process of the search that is restarted when it dies.

    Args:
        name: Keras Tuner's name of it
        log: the file of its output
        start: starts it
    """

    def __init__(self, name: str, log: Path, start: Callable[[], Process]) -> None:
        self.name = name
        self.log = log
        self.start = start
        self.process = start()
        self.deaths = 0
        self.fits = 0

    def has_ended(self, fits: int) -> bool:
        """Return whether it ended well; restart it if it died.

        Args:
            fits: how many it has finished

        Raises:
            AvemoError: it has died three times without finishing a fit
        """
        code = self.process.exit_code()
        if code is None or code == 0:
            return code == 0
        self.deaths = 1 if fits > self.fits else self.deaths + 1
        self.fits = fits
        if self.deaths == _MAX_DEATHS:
            cause = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise AvemoError(
                f"the search's process {self.name} ended {_MAX_DEATHS} times without finishing a "
                f"fit ({cause}): {_last_lines(self.log)} (its output: {self.log}); finished fits "
                "are kept, and the same command resumes"
            )
        self.stop()
        self.process = self.start()
        return False

    def stop(self) -> None:
        """End it for good."""
        self.process.stop()


def _threads_per_worker(ray: ModuleType | None, workers: int) -> int:
    """Return a worker's share of the cores, all of them on one machine."""
    cores = [engine.count_cores()]
    if ray:
        cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min(max(cores), sum(cores) // workers))


@contextmanager
def _reserve_port(ip: str) -> Iterator[int]:
    """Reserve a port that no other program gets and that one chief after another may listen on."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((ip, 0))
        yield reserved.getsockname()[1]


def _python_path() -> str:
    """Return PYTHONPATH for the same avemo as this one."""
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")]
    return os.pathsep.join(filter(None, paths))


def _last_lines(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # each death may have left the same line
    return " ".join(dict.fromkeys(lines[-3:])) or "without output"
