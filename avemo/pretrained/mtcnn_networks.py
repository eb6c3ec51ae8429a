"""The three networks of MTCNN as ONNX graphs, from the weights in the wheel of the package mtcnn.

Only the weights are read: neither the package's code nor TensorFlow is imported.

Source:
    K. Zhang et al.: Joint face detection and alignment using multitask cascaded convolutional
    networks. IEEE Signal Processing Letters, 2016; layers and weights of the package mtcnn (MIT)
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import AssetError

if TYPE_CHECKING:
    import onnx

__all__ = ["LICENCE", "NETWORKS", "SOURCE", "build_graphs"]

SOURCE, LICENCE = "package mtcnn", "MIT"

#: by network, pixels of its input's side, where it is fixed, and of each of its convolutions the
#: side of the maximum after it, with the padding
NETWORKS: dict[str, tuple[int | None, list[tuple[int, str] | None]]] = {
    "pnet": (None, [(2, "SAME_UPPER"), None, None]),
    "rnet": (24, [(3, "SAME_UPPER"), (3, "VALID"), None]),
    "onet": (48, [(3, "SAME_UPPER"), (3, "VALID"), (2, "SAME_UPPER"), None]),
}
_OPSET, _IR_VERSION = 13, 8  # old enough for every ONNX Runtime

Floats = NDArray[np.float32]


def build_graphs() -> dict[str, bytes]:
    """Return the networks as ONNX files, by their names in `NETWORKS`.

    Each takes `images` [shape=(n, side, side, 3)], RGB from -1 to 1, and returns corrections of the
    box, in P-Net's case [shape=(n, 4, height, width)], else [shape=(n, 4)]; of O-Net, landmarks
    [shape=(n, 10)]; and probabilities of no face and a face, likewise with 2.

    Raises:
        AssetError: the package is not installed, or has other weights
    """
    return {name: _build(name).SerializeToString() for name in NETWORKS}


def _build(name: str) -> onnx.ModelProto:
    from onnx import helper

    side_px, pools = NETWORKS[name]
    graph = _GraphBuilder(_read_weights(name))
    x = graph.add("Transpose", "images", perm=[0, 3, 1, 2])
    for pool in pools:
        x = graph.add_prelu(graph.add_convolution(x), (-1, 1, 1))
        if pool:
            kernel_px, padding = pool
            x = graph.add(
                "MaxPool", x, kernel_shape=[kernel_px] * 2, strides=[2, 2], auto_pad=padding
            )
    add_head = graph.add_convolution
    if side_px:
        x = graph.add("Flatten", graph.add("Transpose", x, perm=[0, 3, 2, 1]))
        x = graph.add_prelu(graph.add_dense(x), (-1,))
        add_head = graph.add_dense
    heads = []
    while graph.has_weights:
        heads.append(add_head(x))
    heads[-1] = graph.add("Softmax", heads[-1], axis=1)
    sides = [side_px or "height", side_px or "width"]
    images = helper.make_tensor_value_info("images", 1, ["batch", *sides, 3])
    shape = [None] * (2 if side_px else 4)
    outputs = [helper.make_tensor_value_info(head, 1, shape) for head in heads]
    return helper.make_model(
        helper.make_graph(graph.nodes, name, [images], outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )


class _GraphBuilder:
    """Adds layers to a graph, each with the next of Keras's weights.

    Args:
        weights: in the order of the layers
    """

    def __init__(self, weights: list[Floats]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._weights = weights[::-1]

    @property
    def has_weights(self) -> bool:
        """Whether there are weights for another layer."""
        return bool(self._weights)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator, and return the name of its output."""
        from onnx import helper

        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def add_convolution(self, x: str) -> str:
        """Add a convolution: kernel and bias."""
        kernel = self._weights.pop().transpose(3, 2, 0, 1)
        return self.add("Conv", x, self._store(kernel), self._store(self._weights.pop()))

    def add_dense(self, x: str) -> str:
        """Add a dense layer: kernel and bias."""
        kernel = self._weights.pop()
        return self.add("Gemm", x, self._store(kernel), self._store(self._weights.pop()))

    def add_prelu(self, x: str, shape: tuple[int, ...]) -> str:
        """Add a rectifier with a slope for each channel [shape=shape]."""
        return self.add("PRelu", x, self._store(self._weights.pop().reshape(shape)))

    def _store(self, values: Floats) -> str:
        from onnx import numpy_helper

        name = f"weights_{len(self.initializers)}"
        array = np.ascontiguousarray(values, np.float32)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name


def _read_weights(name: str) -> list[Floats]:
    import joblib

    try:
        (path,) = [file for file in files("mtcnn") or [] if file.name == f"{name}.lz4"]
    except (PackageNotFoundError, ValueError):
        raise AssetError(
            f"the package mtcnn, which carries {name}.lz4, is not installed: pip install mtcnn"
        ) from None
    weights: list[Floats] = joblib.load(path.locate())
    return weights
