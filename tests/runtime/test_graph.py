"""Graphs run by ONNX Runtime, and without it."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.registered_versions import new_network

from avemo.errors import GraphError
from avemo.pretrained import mtcnn_networks
from avemo.runtime import graph

#: an input of `new_network`
LOGMEL = np.ones((2, 50, 8), np.float32)


@pytest.fixture
def without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    caches = (graph.load_graph, graph._has_onnxruntime, graph._warn_of_tensorflow)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for function in caches:
        function.cache_clear()
    yield
    for function in caches:
        function.cache_clear()


def test_a_graph_computes_and_refuses_what_it_does_not_take(tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    file.write_bytes(new_network("sad"))
    network = graph.load_graph(file)
    (probabilities,) = network.run({"logmel": LOGMEL})
    assert probabilities.argmax(axis=1).tolist() == [3, 3]
    for inputs in ({"mfcc": LOGMEL}, {"logmel": LOGMEL[:, :7]}):
        with pytest.raises(GraphError, match=r"^network\.onnx cannot be run: "):
            network.run(inputs)


def test_a_graph_reports_to_nobody_and_writes_nothing(tmp_path: Path) -> None:
    file, temporary = tmp_path / "network.onnx", tmp_path / "temporary"
    file.write_bytes(new_network("sad"))
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    code = (
        "import pathlib, sys; from avemo.runtime.graph import load_graph; "
        "load_graph(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, file], env=environment | {"TMPDIR": str(temporary)}, check=True
    )
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no graph", new_network("sad", operator="Unheard")])
def test_a_graph_that_cannot_be_run(content: bytes) -> None:
    with pytest.raises(GraphError, match=r"^a\.onnx cannot be run: ") as error:
        graph.OnnxGraph(content, "a.onnx")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("faces", [0, 1, 3])
@pytest.mark.parametrize("name", ["rnet", "onet"])
def test_small_networks_are_the_same_in_numpy(
    without_onnxruntime: None, name: str, faces: int
) -> None:
    side_px, _ = mtcnn_networks.NETWORKS[name]
    images = np.random.default_rng(1).uniform(-1, 1, (faces, side_px or 0, side_px or 0, 3))
    inputs = {"images": images.astype(np.float32)}
    content = mtcnn_networks.build_graphs()[name]
    by_numpy = graph.load_small_graph(content, f"{name}.onnx").run(inputs)
    sys.modules.pop("onnxruntime")
    expected = graph.OnnxGraph(content, f"{name}.onnx").run(inputs)
    for outputs, expected_outputs in zip(by_numpy, expected, strict=True):
        np.testing.assert_allclose(outputs, expected_outputs, atol=1e-5)


@pytest.mark.slow
def test_without_onnx_runtime_keras_computes_the_same_after_one_warning(
    without_onnxruntime: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import keras

    pictures = keras.Input((4,), name="pictures")
    sounds = keras.Input((2,), name="sounds")
    joined = keras.layers.Concatenate()([pictures, sounds])
    model = keras.Model({"sounds": sounds, "pictures": pictures}, keras.layers.Dense(3)(joined))
    inputs = {"pictures": np.eye(4, dtype="f"), "sounds": np.ones((4, 2), "f")}
    with caplog.at_level(logging.WARNING):
        for folder in (tmp_path / "a", tmp_path / "b"):
            folder.mkdir()
            model.save(folder / "model.keras")
            (outputs,) = graph.load_graph(folder / graph.GRAPH_FILE).run(inputs)
            np.testing.assert_allclose(outputs, model(inputs), atol=1e-6)
    (record,) = caplog.records
    assert "onnxruntime is not installed: TensorFlow predicts" in record.message


@pytest.mark.parametrize("missing", ["tensorflow", "keras"])
def test_without_either_the_error_names_the_way_out(
    without_onnxruntime: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(GraphError, match=r"pip install 'avemo\[tensorflow\]'"):
        graph.load_graph(tmp_path / graph.GRAPH_FILE)
