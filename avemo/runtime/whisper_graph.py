"""Whisper's encoder as an ONNX graph, written operator by operator.

What tf2onnx makes of the same network in Keras (`pretrained.whisper_encoder`) takes longer: ONNX
Runtime does not recognise normalisation, GELU and attention in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..pretrained.whisper_encoder import BANDS, ENCODERS, EPSILON, EncoderSize, ModelName
from .graph_writer import GraphWriter

if TYPE_CHECKING:
    import onnx

__all__ = ["build_graph"]

#: added to the scores of what is no part of a clip
_MASKED = -1e9


def build_graph(
    tensors: Mapping[str, NDArray[np.float32]], model: ModelName = "tiny.en"
) -> onnx.ModelProto:
    """Return the encoder; its inputs and outputs are those of `whisper_encoder.build_encoder`.

    Args:
        tensors: the published ones by name, see `whisper_encoder.read_tensors`
        model: the one that they are of
    """
    size = ENCODERS[model]
    writer = _EncoderWriter(tensors, size)
    writer.add("Concat", *writer.write_encoder(), output="states", axis=2)
    return writer.finish(
        "whisper_encoder",
        {"mel": ("clips", "frames", BANDS), "mask": ("clips", "frames")},
        {"states": ("clips", "steps", size.layers + 1, size.width)},
    )


class _EncoderWriter(GraphWriter):
    """The parts of the encoder; each method returns the name of its result."""

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]], size: EncoderSize) -> None:
        super().__init__()
        self.tensors = tensors
        self.size = size

    def write_encoder(self) -> list[str]:
        """Return the hidden states, each [shape=(clips, steps, 1, width)]."""
        mask = self.add("Unsqueeze", "mask", self.constant([1]))
        x = self.add("Transpose", "mel", perm=[0, 2, 1])
        x = self.add("Mul", self.convolution(x, "conv1", stride=1), mask)
        x = self.add("Transpose", self.convolution(x, "conv2", stride=2), perm=[0, 2, 1])
        steps = self.add("Shape", x, start=1, end=2)
        zero, one, two = (self.constant([number]) for number in (0, 1, 2))
        positions = self.constant(self.tensors["embed_positions.weight"])
        x = self.add("Add", x, self.add("Slice", positions, zero, steps, zero))
        every_other = self.add("Slice", "mask", zero, self.constant([2**31]), one, two)
        bias = self.add(
            "Mul",
            self.add("Sub", self.constant(np.float32(1)), every_other),
            self.constant(np.float32(_MASKED)),
        )
        bias = self.add("Unsqueeze", bias, self.constant([1, 2]))
        states = [x]
        for number in range(self.size.layers):
            name = f"layers.{number}"
            y = self.normalisation(x, f"{name}.self_attn_layer_norm")
            x = self.add("Add", x, self.attention(y, bias, f"{name}.self_attn"))
            y = self.normalisation(x, f"{name}.final_layer_norm")
            y = self.add("Gelu", self.dense(y, f"{name}.fc1"))
            x = self.add("Add", x, self.dense(y, f"{name}.fc2"))
            states.append(x)
        states[-1] = self.normalisation(x, "layer_norm")
        return [self.add("Unsqueeze", state, two) for state in states]

    def convolution(self, x: str, name: str, stride: int) -> str:
        """Convolve [shape=(clips, channels, frames)], then apply GELU."""
        weights = [self.constant(self.tensors[f"{name}.{kind}"]) for kind in ("weight", "bias")]
        return self.add("Gelu", self.add("Conv", x, *weights, strides=[stride], pads=[1, 1]))

    def normalisation(self, x: str, name: str) -> str:
        weights = [self.constant(self.tensors[f"{name}.{kind}"]) for kind in ("weight", "bias")]
        return self.add("LayerNormalization", x, *weights, epsilon=EPSILON)

    def dense(self, x: str, name: str) -> str:
        product = self.add("MatMul", x, self.constant(self.tensors[f"{name}.weight"].T))
        return self.add("Add", product, self.constant(self.tensors[f"{name}.bias"]))

    def attention(self, x: str, bias: str, name: str) -> str:
        """Attend with several heads; queries, keys and values come from one product."""
        width, heads, _ = self.size
        columns = width // heads
        # of the queries; exact, because it is a power of two: a head of every size has 64 columns
        scale = np.float32(columns**-0.5)
        t = self.tensors
        weight = np.concatenate(
            [
                t[f"{name}.q_proj.weight"] * scale,
                t[f"{name}.k_proj.weight"],
                t[f"{name}.v_proj.weight"],
            ]
        )
        offset = np.concatenate(
            [t[f"{name}.q_proj.bias"] * scale, np.zeros(width, "f"), t[f"{name}.v_proj.bias"]]
        )
        product = self.add("MatMul", x, self.constant(weight.T))
        product = self.add("Add", product, self.constant(offset))
        parts = [f"{name}.queries", f"{name}.keys", f"{name}.values"]
        self.add_node("Split", [product], parts, axis=2, num_outputs=3)
        shape = self.constant([0, 0, heads, columns])
        queries, keys, values = (
            self.add("Transpose", self.add("Reshape", part, shape), perm=perm)
            for part, perm in zip(parts, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
        )
        scores = self.add("Add", self.add("MatMul", queries, keys), bias)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), values)
        joined = self.add("Transpose", mixed, perm=[0, 2, 1, 3])
        joined = self.add("Reshape", joined, self.constant([0, 0, width]))
        return self.dense(joined, f"{name}.out_proj")
