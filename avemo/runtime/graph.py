"""A network that computes: an ONNX graph in ONNX Runtime."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import GraphError

__all__ = ["Graph", "OnnxGraph", "load_graph"]

log = logging.getLogger(__name__)

#: ONNX Runtime's log: errors alone, each of which it raises too
_ERRORS = 3


class Graph(Protocol):
    """A network from named inputs to outputs; threads may share it."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the network's outputs, in its own order.

        Args:
            inputs: by the name of the network's input
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

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the graph's outputs; see `Graph`."""
        outputs: list[NDArray[np.float32]] = self._session.run(None, dict(inputs))
        return outputs


@lru_cache(maxsize=16)
def load_graph(file: Path) -> Graph:
    """Return the graph in a file, loaded once in a process.

    Where ONNX Runtime is not installed, Keras computes the same network, after a warning.

    Raises:
        GraphError: it cannot be run here
    """
    if find_spec("onnxruntime"):
        return OnnxGraph(file.read_bytes(), file.name)
    from .keras_graph import load_keras_graph

    graph = load_keras_graph(file)
    log.warning("onnxruntime is not installed: TensorFlow runs %s, which takes longer", file.name)
    return graph


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
