"""Ray nodes on this machine, with one core each, which a test may kill."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

__all__ = ["RayNodes", "needs_ray", "running_nodes"]

#: importing Ray takes a second, in every process that collects tests
needs_ray = pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="needs the extra ray")


class RayNodes:
    """A head and the nodes that have joined it.

    Args:
        folder: Ray's own; its path must be short, because Ray's sockets stand in it
        environment: of the nodes
        options: of `ray start`, for each node
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], options: Sequence[str]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = environment
        self.options = options
        self.nodes: list[psutil.Popen] = []

    def start(self) -> None:
        """Start a node, the head first, and wait until it takes work."""
        command = Path(sys.executable).with_name("ray")
        place = ["--address", self.address]
        if not self.nodes:
            place = ["--head", "--port", str(self.port), "--temp-dir", str(self.folder)]
            place += ["--include-dashboard=false"]
        node = psutil.Popen(
            [command, "start", "--block", "--num-cpus=1", *self.options, *place],
            env={**self.environment, "RAY_USAGE_STATS_ENABLED": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.nodes.append(node)
        for _ in range(300):
            status = subprocess.run(
                [command, "status", "--address", self.address], capture_output=True, text=True
            )
            if f"/{len(self.nodes)}.0 CPU" in status.stdout:
                return
            assert node.poll() is None, "the node ended"
            time.sleep(0.2)
        raise AssertionError(status.stdout + status.stderr)

    def kill(self, number: int) -> None:
        """End a node as a power cut would, the raylet first."""
        node = self.nodes[number]
        processes = [*node.children(recursive=True), node]
        for process in sorted(processes, key=lambda process: process.name() != "raylet"):
            process.kill()
        node.wait()


@contextmanager
def running_nodes(
    count: int,
    *,
    environment: Mapping[str, str] = os.environ,
    options: Sequence[str] = (),
) -> Iterator[RayNodes]:
    """Yield nodes that take work, and end those that are left."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        ray_nodes = RayNodes(Path(folder), environment, options)
        try:
            for _ in range(count):
                ray_nodes.start()
            yield ray_nodes
        finally:
            for number, node in enumerate(ray_nodes.nodes):
                if node.poll() is None:
                    ray_nodes.kill(number)
