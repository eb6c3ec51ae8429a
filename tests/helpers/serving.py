"""A real `avemo serve` process on this machine, with a registry and a project of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from helpers.registered_versions import NAME, ROOT, new_project
from helpers.servers import free_port

from avemo.pretrained import assets
from avemo.tracking import store

__all__ = [
    "ServiceProcess",
    "module_registry",
    "new_serving_project",
    "run_avemo",
    "running_service",
    "until",
]

_PATIENCE_S = 120


@dataclass
class ServiceProcess:
    """A running service.

    Args:
        address: such as `http://127.0.0.1:8000`
        process: the server's
        log: the file of its standard error
    """

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ready(self) -> dict[str, Any]:
        """Return the body of `/readyz`."""
        body: dict[str, Any] = requests.get(f"{self.address}/readyz", timeout=10).json()
        return body

    @property
    def version(self) -> str:
        """The number of the version that answers; empty where none does."""
        model = self.ready()["model"]
        return model["version"] if model else ""

    def post(self, path: str, data: Any = None, **more: Any) -> requests.Response:
        return requests.post(f"{self.address}{path}", data=data, timeout=60, **more)

    def predict(self, content: bytes, kind: str = "audio/wav", **more: Any) -> requests.Response:
        return self.post("/v1/predict", content, headers={"Content-Type": kind}, **more)

    def written(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def module_registry(folder: Path, empty_database: Path) -> Iterator[str]:
    """Yield the URI of an empty registry, whose cache is its own."""
    import mlflow

    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.TRACKING_URI, uri)
        patch.setenv(assets.CACHE, str(folder / "cache"))
        store.ensure_experiment(mlflow.MlflowClient(), uri, "avemo/audio")
        yield uri


def new_serving_project(folder: Path, **serving: object) -> Path:
    """Return the folder of a project with other settings of `serving`."""
    project = new_project(folder)
    file = project.root / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["serving"] |= serving
    file.write_text(yaml.safe_dump(params))
    return project.root


def run_avemo(project: Path, *arguments: str, returncode: int = 0) -> str:
    """Run `avemo` in a project's folder to its end, and return what it printed."""
    command = [sys.executable, "-m", "avemo.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AVEMO_ROOT": str(project)}
    ended = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == returncode, ended.stderr
    return ended.stdout


@contextmanager
def running_service(
    folder: Path,
    registry: str,
    *options: str,
    project: Path | None = None,
    wait: bool = True,
    port: int | None = None,
) -> Iterator[ServiceProcess]:
    """Run `avemo serve` of the model of sound, and yield it once it is ready.

    Args:
        folder: where it runs, and its log is
        registry: the registry's URI
        options: of the command
        project: with its settings; by default those of this checkout
        wait: until it is ready
        port: where it listens; by default any that is free
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, log = port or free_port(), folder / "log"
    command = [sys.executable, "-P", "-m", "avemo.cli", "serve", "--registry", registry]
    command += ["--model", NAME, "--port", str(port), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    if project:
        environment["AVEMO_ROOT"] = str(project)
    environment.pop(store.TRACKING_URI, None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
    service = ServiceProcess(f"http://127.0.0.1:{port}", process, log)
    try:
        if wait:
            until(lambda: _is_ready(service), service)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(
    condition: Callable[[], bool], service: ServiceProcess, patience_s: float = _PATIENCE_S
) -> None:
    """Wait until something is true of a service."""
    end = time.monotonic() + patience_s
    while not condition():
        if service.process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"it did not come true; the service said:\n{service.written()[-3000:]}")
        time.sleep(0.1)


def _is_ready(service: ServiceProcess) -> bool:
    try:
        return requests.get(f"{service.address}/readyz", timeout=5).status_code == 200
    except (requests.RequestException, json.JSONDecodeError):
        return False
