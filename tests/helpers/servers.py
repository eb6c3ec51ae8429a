"""Real servers, each started for the tests and stopped after them: PostgreSQL, S3, MLflow."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
#: where Debian puts what is not for every user's path
_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def postgres_tool(name: str) -> str | None:
    """Return the path of `initdb` or `postgres`; None where PostgreSQL is not installed."""
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, _DEBIAN)]))


@contextmanager
def postgres() -> Iterator[str]:
    """Run a database server, and yield the URI of a database of it."""
    user = _unprivileged()
    how: dict[str, Any] = {}
    # not among pytest's folders, which are closed to everybody else
    with tempfile.TemporaryDirectory() as folder:
        if user:  # PostgreSQL refuses to be run by root
            os.chown(folder, user.pw_uid, user.pw_gid)
            how = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data, port = Path(folder, "data"), free_port()
        make = [_require_tool("initdb"), "-D", str(data), "-U", "avemo", "-A", "trust", "--no-sync"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder, **how)
        serve = [_require_tool("postgres"), "-D", str(data), "-k", folder, "-h", "127.0.0.1", "-F"]
        serve += ["-p", str(port)]
        with _process(serve, os.environ, lambda: _connects(port), "PostgreSQL", cwd=folder, **how):
            yield f"postgresql+psycopg2://avemo@127.0.0.1:{port}/postgres"


@contextmanager
def s3() -> Iterator[str]:
    """Run an S3-compatible store, and yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _process(command, os.environ, lambda: _connects(port), "the S3 store"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def mlflow_server(environment: dict[str, str]) -> Iterator[str]:
    """Run a tracking server, as `deploy/serve.sh` starts it, and yield its address."""
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PORT": str(port), "WORKERS": "1"} | environment
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = ["sh", str(ROOT / "deploy" / "serve.sh")]
    with _process(command, environment, lambda: _answers(f"{uri}/health"), "MLflow"):
        yield uri


@contextmanager
def small_mlflow_server(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a tracking server of files in a folder, and yield its address and process group."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    uri = f"http://127.0.0.1:{port}"
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    with _process(command, environment, lambda: _answers(f"{uri}/health"), "MLflow") as group:
        yield uri, group


@contextmanager
def served_model(model: str, uri: str, folder: Path) -> Iterator[str]:
    """Run `mlflow models serve` of a registered model in a folder, and yield its address."""
    port = free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "MLFLOW_TRACKING_URI": uri}
    environment.pop("PYTHONPATH", None)  # a version carries its code
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    command += ["--env-manager", "local", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    health = f"{address}/health"
    with _process(command, environment, lambda: _answers(health), "the model", cwd=folder):
        yield address


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _process(
    command: list[str],
    environment: Mapping[str, str],
    ready: Callable[[], bool],
    what: str,
    **how: Any,
) -> Iterator[int]:
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            **how,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _until(ready, process, what, output)
            yield process.pid
        finally:
            with suppress(ProcessLookupError):  # a test may have ended it
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _until(
    ready: Callable[[], bool], process: subprocess.Popen[str], what: str, output: IO[str]
) -> None:
    end = time.monotonic() + 180
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            output.seek(0)
            wrong = "does not answer" if process.poll() is None else "has ended"
            pytest.fail(f"{what} {wrong}; it said:\n{output.read()[-3000:]}")
        time.sleep(0.2)


def _require_tool(name: str) -> str:
    path = postgres_tool(name)
    assert path, f"{name} is not installed"
    return path


def _connects(port: int) -> bool:
    with socket.socket() as listener:
        return listener.connect_ex(("127.0.0.1", port)) == 0


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL where the tests are run by root."""
    if os.getuid():
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]
