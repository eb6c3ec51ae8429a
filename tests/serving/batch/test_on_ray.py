"""Many clips on a Ray cluster: the same table as here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.many_clips import register_champion, write_clips
from helpers.ray_nodes import needs_ray, running_nodes

from avemo.cli import main

pytestmark = [pytest.mark.slow, needs_ray]


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a cluster of one node."""
    with running_nodes(1) as ray_nodes:
        yield ray_nodes.address


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
