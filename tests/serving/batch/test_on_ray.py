"""Many clips on a Ray cluster: the same table as here."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from helpers.many_clips import register_champion, write_clips

from avemo.cli import main

pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster of one node."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = str(Path(sys.executable).with_name("ray"))
    options = ["--head", "--block", "--num-cpus=1", "--include-dashboard=false", "--port"]
    folder = str(tmp_path_factory.mktemp("r"))
    process = subprocess.Popen(
        [command, "start", *options, str(port), "--temp-dir", folder],
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"127.0.0.1:{port}"
    for _ in range(300):
        status = [command, "status", "--address", address]
        if "/1.0 CPU" in subprocess.run(status, capture_output=True, text=True).stdout:
            break
        assert process.poll() is None, "the node ended"
        time.sleep(0.2)
    yield address
    for member in [*psutil.Process(process.pid).children(recursive=True), process]:
        member.kill()
    process.wait()


def test_the_same_table_as_on_this_machine(
    registry: str, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = register_champion(tmp_path)
    monkeypatch.setenv("AVEMO_ROOT", str(root))
    monkeypatch.chdir(tmp_path)
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("address: auto", f"address: {cluster}"))
    write_clips(tmp_path / "clips", 6)
    assert main(["predict", "clips", "--csv", "local.csv"]) == 0
    assert main(["predict", "clips", "--csv", "ray.csv", "--engine", "ray"]) == 0
    assert Path("ray.csv").read_bytes() == Path("local.csv").read_bytes()
