"""Keras models written as ONNX graphs; for training alone, because it takes TensorFlow."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ..io import atomic_write

if TYPE_CHECKING:
    import keras
    import onnx

__all__ = ["export"]


def export(model: keras.Model, target: Path) -> None:
    """Write a Keras model as an ONNX graph with the same names of inputs.

    Weights that half precision holds exactly are stored in it, and computed with in single
    precision all the same.

    Args:
        model: built; its weights are written as they are
        target: the file
    """
    import keras
    import onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    _register_erfc()
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tf2onnx, about NumPy's aliases
        file = Path(folder, "graph.onnx")
        signature = keras.tree.map_structure(_input_spec, [model.input])
        model.export(str(file), format="onnx", verbose=False, input_signature=signature)
        graph = onnx.load(file)
    _halve_exact_weights(graph.graph)
    with atomic_write(target) as temporary:
        temporary.write_bytes(graph.SerializeToString())


def _input_spec(tensor: keras.KerasTensor) -> keras.InputSpec:
    import keras

    return keras.InputSpec(tensor.dtype, tensor.shape, name=tensor.name)


def _halve_exact_weights(graph: onnx.GraphProto) -> None:
    """Store the weights that half precision holds exactly in it, and cast them when loaded."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if values.size > 1 and np.array_equal(halves.astype(np.float32), values):
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}_half"))
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _register_erfc() -> None:
    """Teach tf2onnx the operator Erfc, which exact GELU is computed by: 1 - Erf."""
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    @tf_op("Erfc")
    class _Erfc:
        @classmethod
        def version_9(cls, ctx: Any, node: Any, **_: Any) -> None:
            dtypes, shapes = node.output_dtypes, node.output_shapes
            inputs, outputs = list(node.input), list(node.output)
            ctx.remove_node(node.name)
            erf = ctx.make_node("Erf", inputs, dtypes=dtypes, shapes=shapes)
            one = ctx.make_const(utils.make_name("one"), np.array(1, np.float32))
            ctx.make_node(
                "Sub", [one.name, erf.output[0]], outputs=outputs, dtypes=dtypes, shapes=shapes
            )
