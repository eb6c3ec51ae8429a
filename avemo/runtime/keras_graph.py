"""The networks without ONNX Runtime, where it cannot be installed: through Keras and NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GraphError
from . import pretrained_graphs

__all__ = ["KerasGraph", "NumpyGraph", "load_keras_graph", "load_numpy_graph"]

_NOT_INSTALLED = (
    "onnxruntime is not installed, which runs the networks: pip install onnxruntime; where there "
    "is none for this platform, pip install 'avemo[tensorflow]'"
)
#: beside the graph of a trained model: the same network
_TRAINED = "model.keras"


class KerasGraph:
    """A network in Keras, as `graph.Graph` has it.

    Args:
        network: takes its inputs by name or as a list, and returns one output or several
        names: of the inputs, in the list's order; None where it takes them by name
    """

    def __init__(self, network: Callable[[Any], Any], names: list[str] | None) -> None:
        self._network, self._names = network, names

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Return the network's outputs, in its own order."""
        arrays: Any = dict(inputs)
        if self._names:
            arrays = [inputs[name] for name in self._names]
            arrays = arrays if len(arrays) > 1 else arrays[0]
        outputs = self._network(arrays)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        return [np.asarray(output) for output in outputs]


def load_keras_graph(file: Path) -> KerasGraph:
    """Return the network of an ONNX file as Keras computes it.

    Args:
        file: of a trained model, with its `model.keras` beside it; or of a pretrained network,
            whose published weights are fetched

    Raises:
        GraphError: TensorFlow and Keras are not installed, or there is no such network
        AssetError: the weights cannot be fetched
    """
    if not (find_spec("tensorflow") and find_spec("keras")):
        raise GraphError(_NOT_INSTALLED)
    from ..quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    trained = file.with_name(_TRAINED)
    if trained.exists():
        import keras

        return KerasGraph(keras.models.load_model(trained, compile=False), None)
    network = pretrained_graphs.find_network(pretrained_graphs.name_of(file))
    if network is None:
        raise GraphError(f"{file.name} needs onnxruntime, which is not installed")
    model = network.load(network.fetch())
    inputs = getattr(model, "inputs", None)
    return KerasGraph(model, [tensor.name for tensor in inputs] if inputs else None)


class NumpyGraph:
    """A graph as ONNX's own reference implementation computes it.

    Args:
        content: of the file
    """

    def __init__(self, content: bytes) -> None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        self._evaluator = ReferenceEvaluator(onnx.load_model_from_string(content))

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Return the network's outputs, in its own order."""
        empty = any(not len(rows) for rows in inputs.values())
        if empty:  # which it cannot compute
            inputs = {name: np.zeros((1, *rows.shape[1:]), "f") for name, rows in inputs.items()}
        outputs = self._evaluator.run(None, dict(inputs))
        return [np.asarray(output)[:0] if empty else np.asarray(output) for output in outputs]


def load_numpy_graph(content: bytes, name: str) -> NumpyGraph:
    """Return a small network as NumPy computes it.

    Args:
        content: of the ONNX file
        name: of the file, for errors

    Raises:
        GraphError: the package onnx is not installed, or the file is damaged
    """
    if not find_spec("onnx"):
        raise GraphError(_NOT_INSTALLED)
    try:
        return NumpyGraph(content)
    except Exception as error:  # of protobuf, and of operators that it does not know
        raise GraphError(f"{name} cannot be run: {error}") from None
