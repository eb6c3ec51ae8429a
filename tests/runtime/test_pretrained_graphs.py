"""A pretrained network is exported once on a machine, and its graph is used ever after."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.whisper_file import write

from avemo.errors import AssetError
from avemo.pretrained import assets
from avemo.runtime import pretrained_graphs
from avemo.runtime.graph import load_graph

NAME = "whisper_tiny_en"
EXPORTERS = ("keras", "onnx", "safetensors", "tensorflow", "tf2onnx")
GET = """
import sys
from pathlib import Path
from avemo.runtime import pretrained_graphs

export = pretrained_graphs._export_in_process
pretrained_graphs._export_in_process = lambda *args: (export(*args), print("exported"))
pretrained_graphs.get(sys.argv[1], Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("weights") / "model.safetensors")


@pytest.fixture
def graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the graphs, empty."""
    monkeypatch.setattr(pretrained_graphs, "graphs_folder", lambda: tmp_path / "graphs")
    return tmp_path / "graphs"


def hide(monkeypatch: pytest.MonkeyPatch, folder: Path, *packages: str) -> None:
    """Let nobody import some packages in the processes that are started from here."""
    for package in packages:
        (folder / package).mkdir(parents=True)
        line = f"raise ModuleNotFoundError('there is none', name={package!r})\n"
        (folder / package / "__init__.py").write_text(line)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.slow
def test_a_graph_is_used_where_nothing_can_be_exported(
    weights: Path, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = pretrained_graphs.get(NAME, weights)
    assert exported.parent == graphs
    assert pretrained_graphs.name_of(exported) == NAME
    hide(monkeypatch, tmp_path / "hidden", *EXPORTERS)
    assert pretrained_graphs.get(NAME, weights) == exported
    load_graph(exported)


def test_what_is_missing_for_exporting_is_named(
    weights: Path, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, tmp_path / "hidden", "onnx")
    with pytest.raises(
        AssetError, match=r"^whisper_tiny_en must be .* takes onnx, .* install onnx$"
    ):
        pretrained_graphs.get(NAME, weights)
    assert list(graphs.glob("*.onnx")) == []


def test_wrong_weights_are_said_in_a_line(graphs: Path, tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(b"junk")
    with pytest.raises(AssetError, match="is no safetensors file"):
        pretrained_graphs.get(NAME, tmp_path / "it")


def test_other_weights_and_another_version_have_their_own_graphs(
    weights: Path, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained_graphs, "_export_in_process", lambda *args: args[2].touch())
    names = [pretrained_graphs.get(NAME, weights)]
    other = tmp_path / "other"
    other.write_bytes(weights.read_bytes() + b" ")
    names.append(pretrained_graphs.get(NAME, other))
    network = pretrained_graphs.find_network(NAME)
    assert network
    newer = network._replace(version=network.version + 1)
    monkeypatch.setattr(pretrained_graphs, "find_network", lambda name: newer)
    names.append(pretrained_graphs.get(NAME, weights))
    assert len(set(names)) == 3


@pytest.mark.slow
def test_several_processes_export_once(weights: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", GET, NAME, str(weights)]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), assets.CACHE: str(tmp_path)}

    def run(_: int) -> str:
        process = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE)
        assert process.returncode == 0
        return process.stdout.decode()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(run, range(3))) == ["", "", "exported\n"]
