"""A network that computes: an ONNX graph in ONNX Runtime."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import GraphError

__all__ = ["GRAPH_FILE", "Graph", "OnnxGraph", "load_graph", "load_small_graph"]

log = logging.getLogger(__name__)

# it would report to its maker from its import on
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

#: the graph of a trained model, in the folder of a registered version
GRAPH_FILE = "network.onnx"

#: ONNX Runtime's log: errors alone, each of which it raises too
_ERRORS = 3


class Graph(Protocol):
    """A network from named inputs to outputs; threads may share it."""

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Return the network's outputs, in its own order.

        Args:
            inputs: by the name of the network's input

        Raises:
            GraphError: they do not fit
        """


class OnnxGraph:
    """An ONNX graph, computed with one thread, so that results do not depend on the cores.

    Args:
        content: of the file
        name: of the file, for errors

    Raises:
        GraphError: the file is damaged, or has an operator that ONNX Runtime lacks here
    """

    def __init__(self, content: bytes, name: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its classes have no common base but this
            raise GraphError(f"{name} cannot be run: {_first_line(error)}") from None
        self._name = name

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Return the graph's outputs; see `Graph`."""
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(None, dict(inputs))
        except Exception as error:
            raise GraphError(f"{self._name} cannot be run: {_first_line(error)}") from None
        return outputs


@lru_cache(maxsize=16)
def load_graph(file: Path) -> Graph:
    """Return the graph in a file, loaded once in a process.

    Where ONNX Runtime is not installed, Keras computes the same network, after a warning.

    Raises:
        GraphError: it cannot be run here
    """
    if _has_onnxruntime():
        return OnnxGraph(file.read_bytes(), file.name)
    from .keras_graph import load_keras_graph

    graph = load_keras_graph(file)
    _warn_of_tensorflow()
    return graph


def load_small_graph(content: bytes, name: str) -> Graph:
    """Return the graph of a small network, such as a face detector's.

    Where ONNX Runtime is not installed, NumPy computes it.

    Args:
        content: of the file
        name: of the file, for errors

    Raises:
        GraphError: it cannot be run here
    """
    if _has_onnxruntime():
        return OnnxGraph(content, name)
    from .keras_graph import load_numpy_graph

    return load_numpy_graph(content, name)


@lru_cache(maxsize=1)
def _has_onnxruntime() -> bool:
    """Return whether ONNX Runtime is installed, and for this platform."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        return False
    return True


@lru_cache(maxsize=1)
def _warn_of_tensorflow() -> None:
    """Warn once in a process."""
    log.warning("avemo: onnxruntime is not installed: TensorFlow predicts, which takes longer")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
