"""Networks written as ONNX graphs; for training alone, because it takes TensorFlow."""

from __future__ import annotations

import logging
import warnings
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ..io import atomic_write
from ..pretrained import face_landmarker

if TYPE_CHECKING:
    import keras
    import onnx

__all__ = ["export", "export_landmarker", "write_graph"]

#: the newest that tf2onnx converts MediaPipe's networks to without an error
_OPSET = 17


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
    write_graph(graph, target)


def export_landmarker(file: Path, target: Path) -> None:
    """Write MediaPipe's two networks as one ONNX graph, from a face to its blendshapes.

    In: `face`, RGB of 0 to 1 [shape=(1, 256, 256, 3)]. Out: `blendshapes` [shape=(52,)] and
    `landmarks` [shape=(478, 3)], see `FaceLandmarker`.

    Args:
        file: `face_landmarker.task`
        target: the file

    Raises:
        AssetError: it holds no such networks
    """
    from onnx import TensorProto, helper, numpy_helper

    contents = face_landmarker.read_networks(file)
    first, second = (_convert_tflite(content) for content in contents)
    count = face_landmarker.LANDMARKS
    (flat,) = (
        output.name
        for output in first.graph.output
        if prod(d.dim_value or 1 for d in output.type.tensor_type.shape.dim) == 3 * count
    )
    x = 3 * np.array(face_landmarker.BLENDSHAPE_LANDMARKS)
    constants = {
        "row": np.array([-1]),
        "columns": np.stack([x, x + 1], axis=1)[None],
        "rows": np.array([count, 3]),
    }
    nodes = [
        helper.make_node("Identity", ["face"], [first.graph.input[0].name]),
        *first.graph.node,
        helper.make_node("Reshape", [flat, "row"], ["flat"]),
        helper.make_node("Reshape", ["flat", "rows"], ["landmarks"]),
        helper.make_node("Gather", ["flat", "columns"], [second.graph.input[0].name]),
        *second.graph.node,
        helper.make_node("Identity", [second.graph.output[0].name], ["blendshapes"]),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    inputs = {"face": (1, face_landmarker.SIDE, face_landmarker.SIDE, 3)}
    outputs = {"blendshapes": (len(face_landmarker.BLENDSHAPES),), "landmarks": (count, 3)}
    input_infos, output_infos = (
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ]
        for shapes in (inputs, outputs)
    )
    graph = helper.make_graph(
        nodes,
        "face_landmarker",
        input_infos,
        output_infos,
        [*first.graph.initializer, *second.graph.initializer, *tensors],
    )
    opsets = first.opset_import
    write_graph(helper.make_model(graph, opset_imports=opsets, ir_version=first.ir_version), target)


def _convert_tflite(content: bytes) -> onnx.ModelProto:
    """Return a network of TensorFlow Lite as an ONNX graph whose names are its own."""
    import onnx
    from tf2onnx import convert

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow announces that it moves the interpreter
        file = Path(folder, "network.tflite")
        file.write_bytes(content)
        # the public function has no way to say which file it is
        graph, _ = convert._convert_common(None, tflite_path=str(file), opset=_OPSET)
    return onnx.compose.add_prefix(graph, f"{len(content)}/")


def write_graph(graph: onnx.ModelProto, target: Path) -> None:
    """Write a graph; weights that half precision holds exactly are stored in it."""
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
