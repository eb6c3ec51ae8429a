"""Two servers of the same registered version, each as its own command starts it."""

from __future__ import annotations

import base64
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests
import yaml

from avemo.paths import ROOT

__all__ = [
    "NAME",
    "Answer",
    "Request",
    "Server",
    "ask_mlflow",
    "ask_service",
    "run_mlflow_model",
    "run_registry",
    "run_service",
    "wait_until",
    "write_project",
]

NAME = "avemo-fused"
CHECKOUT = Path(__file__).parents[1]
_START_S = 180
_REQUEST_S = 300
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Answer:
    """What came back for one clip.

    Args:
        clip: its file
        status: of HTTP; 0 where the connection failed
        emotion: the answer; empty where there is none, or what is no number
        elapsed_s: from the request's first byte to the answer's last
        ended_at: of the monotonic clock
        retry_after_s: when to come again, where the server says so
        version: of the model that answered, where the server says so
        reason: why there is no answer, in a word
    """

    clip: Path
    status: int
    emotion: str
    elapsed_s: float
    ended_at: float = field(default_factory=time.monotonic)
    retry_after_s: int | None = None
    version: str = ""
    reason: str = ""


#: sends a clip to a server, prepared by `ask_service` or `ask_mlflow`
Request = Callable[[requests.Session], Answer]


@dataclass
class Server:
    """A running server.

    Args:
        address: such as `http://127.0.0.1:8000`
        process: leads a group of its own
        log: what it writes
    """

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def written(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def group(self) -> list[int]:
        """Return its processes, and those that it has started."""
        processes = []
        for folder in Path("/proc").iterdir():
            with suppress(ValueError, ProcessLookupError):
                if os.getpgid(int(folder.name)) == self.process.pid:
                    processes.append(int(folder.name))
        return processes

    def processor_s(self) -> float:
        """Return the processor time of its processes so far, and of those that have ended."""
        ticks = 0
        for process in self.group():
            with suppress(OSError):
                stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
                # user, system, and the same of ended children, behind the name in brackets
                ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def ask_service(server: Server, clip: Path) -> Request:
    """Return what sends a clip to `avemo serve`, as the body of the request."""

    def read(response: requests.Response) -> str:
        (prediction,) = response.json()["predictions"]
        return str(prediction["emotion"] or "")

    url = f"{server.address}/v1/predict"
    return _request(clip, url, clip.read_bytes(), "video/mp4", read)


def ask_mlflow(server: Server, clip: Path) -> Request:
    """Return what sends a clip to `mlflow models serve`: in JSON, which is made beforehand."""
    cell = base64.b64encode(clip.read_bytes()).decode()
    body = json.dumps({"dataframe_split": {"columns": ["media"], "data": [[cell]]}})

    def read(response: requests.Response) -> str:
        (row,) = response.json()["predictions"]
        is_number = row["probability"] is not None and math.isfinite(row["probability"])
        return str(row["emotion"]) if is_number else ""

    return _request(clip, f"{server.address}/invocations", body, "application/json", read)


def _request(
    clip: Path,
    url: str,
    body: bytes | str,
    content_type: str,
    read: Callable[[requests.Response], str],
) -> Request:
    headers = {"Content-Type": content_type}

    def ask(session: requests.Session) -> Answer:
        start = time.perf_counter()
        try:
            response = session.post(url, body, headers=headers, timeout=_REQUEST_S)
        except requests.RequestException as error:
            elapsed_s = time.perf_counter() - start
            return Answer(clip, 0, "", elapsed_s, reason=type(error).__name__)
        elapsed_s = time.perf_counter() - start
        if response.status_code == 200:
            version = response.headers.get("x-avemo-model", "")
            return Answer(clip, 200, read(response), elapsed_s, version=version)
        retry_after = response.headers.get("Retry-After")
        return Answer(
            clip,
            response.status_code,
            "",
            elapsed_s,
            retry_after_s=int(retry_after) if retry_after else None,
            reason=f"HTTP {response.status_code}",
        )

    return ask


@contextmanager
def run_service(
    registry: str, folder: Path, project: Path, *, cache: Path | None = None
) -> Iterator[Server]:
    """Run `avemo serve` of a registry's champion.

    Args:
        registry: its URI
        folder: where the server runs, and its log is
        project: with the settings, see `write_project`
        cache: of the service's copies of versions; by default the user's
    """
    port = _free_port()
    command = [sys.executable, "-P", "-m", "avemo.cli", "serve", "--registry", registry]
    command += ["--model", NAME, "--port", str(port)]
    variables = {ROOT: str(project), "PYTHONPATH": str(CHECKOUT)}
    if cache:
        variables["AVEMO_CACHE"] = str(cache)
    with _process(command, folder, port, variables) as server:
        yield server


@contextmanager
def run_mlflow_model(registry: str, folder: Path, model: str = "") -> Iterator[Server]:
    """Run `mlflow models serve` of a registry's champion, or of another model.

    Args:
        registry: its URI
        folder: where the server runs, and its log is
        model: its URI
    """
    port = _free_port()
    model = model or f"models:/{NAME}@champion"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    command += ["--env-manager", "local", "--port", str(port)]
    with _process(command, folder, port, {"MLFLOW_TRACKING_URI": registry}) as server:
        yield server


@contextmanager
def run_registry(folder: Path, port: int = 0) -> Iterator[Server]:
    """Run MLflow's tracking server on the files of a folder, once it answers."""
    port = port or _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with _process(command, folder, port, {}) as server:
        wait_until(lambda: _is_healthy(server), server)
        yield server


def write_project(folder: Path, settings: Mapping[str, object]) -> Path:
    """Write a project whose settings are those of the checkout, but for some of `serving`."""
    folder.mkdir(parents=True)
    params = yaml.safe_load((CHECKOUT / "params.yaml").read_text(encoding="utf-8"))
    params["serving"] |= settings
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (folder / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    return folder


def wait_until(condition: Callable[[], bool], server: Server, limit_s: float = _START_S) -> None:
    """Wait until something is true of a server.

    Raises:
        RuntimeError: the server has ended, or it takes too long
    """
    end = time.monotonic() + limit_s
    while not condition():
        if server.process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the server is not ready: {server.written()}")
        time.sleep(0.02)


@contextmanager
def _process(
    command: list[str], folder: Path, port: int, variables: Mapping[str, str]
) -> Iterator[Server]:
    folder.mkdir(parents=True, exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | _QUIET | {"PATH": path}
    for name in ("PYTHONPATH", "MLFLOW_TRACKING_URI"):
        environment.pop(name, None)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".log", delete=False) as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, **variables},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", process, Path(log.name))
    try:
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        server.kill()


def _is_healthy(server: Server) -> bool:
    try:
        return requests.get(f"{server.address}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
