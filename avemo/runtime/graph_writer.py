"""ONNX graphs written operator by operator; only for exporting, which has the package onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

__all__ = ["GraphWriter", "Shapes"]

#: by name; an axis of any length has a name in the place of its length
Shapes = Mapping[str, Sequence[int | str]]

_OPSET, _IR_VERSION = 20, 9


class GraphWriter:
    """A graph that grows by one operator at a time.

    Weights go straight into `model`: they are large, and each copy takes memory.
    """

    def __init__(self) -> None:
        opset = helper.make_opsetid("", _OPSET)
        self.model = ModelProto(ir_version=_IR_VERSION, opset_import=[opset])

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator with one output, and return the output's name.

        Args:
            operator: its name in ONNX
            inputs: names of inputs, constants and other operators' outputs
            output: its name; by default a new one
            attributes: as ONNX has them
        """
        output = output or f"{operator}_{len(self.model.graph.node)}"
        self.add_node(operator, inputs, [output], **attributes)
        return output

    def add_node(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        """Add an operator, see `add`."""
        self.model.graph.node.append(helper.make_node(operator, inputs, outputs, **attributes))

    def constant(self, value: int | list[int] | NDArray[np.generic] | np.floating) -> str:
        """Add a constant, and return its name."""
        name = f"constant_{len(self.model.graph.initializer)}"
        self.model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def finish(self, name: str, inputs: Shapes, outputs: Shapes) -> ModelProto:
        """Return the model, complete.

        Args:
            name: of the graph
            inputs: float32
            outputs: float32
        """
        graph = self.model.graph
        graph.name = name
        for infos, shapes in ((graph.input, inputs), (graph.output, outputs)):
            infos.extend(
                helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)
                for key, shape in shapes.items()
            )
        return self.model
