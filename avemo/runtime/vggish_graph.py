"""VGGish as an ONNX graph, written operator by operator.

Its 72 million weights take tf2onnx minutes and 16 GB of memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..pretrained.vggish import BANDS, CONVOLUTIONS, DENSE, FRAMES, WIDTH
from .graph_writer import GraphWriter

if TYPE_CHECKING:
    import onnx

__all__ = ["build_graph"]


def build_graph(tensors: Mapping[str, Sequence[NDArray[np.float32]]]) -> onnx.ModelProto:
    """Return the network; its input and output are those of `vggish.build_network`.

    Args:
        tensors: the published ones by layer, see `vggish.read_tensors`
    """
    writer = GraphWriter()
    x = writer.add("Unsqueeze", "patch", writer.constant([1]))
    for group in CONVOLUTIONS:
        for name in group:
            kernel, biases = tensors[name]
            weights = [writer.constant(kernel.transpose(3, 2, 0, 1)), writer.constant(biases)]
            x = writer.add("Relu", writer.add("Conv", x, *weights, pads=[1, 1, 1, 1]))
        x = writer.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    # the published dense layer takes each place's channels side by side
    x = writer.add("Flatten", writer.add("Transpose", x, perm=[0, 2, 3, 1]))
    for name in DENSE:
        x = writer.add("Relu", writer.add("Gemm", x, *map(writer.constant, tensors[name])))
    writer.add("Identity", x, output="embeddings")
    inputs = {"patch": ("patches", FRAMES, BANDS)}
    return writer.finish("vggish", inputs, {"embeddings": ("patches", WIDTH)})
