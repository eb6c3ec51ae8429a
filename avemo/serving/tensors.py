"""Tensors of the Open Inference Protocol: in JSON, and in the binary extension beside it.

Source:
    KServe: Open Inference Protocol (V2); Triton Inference Server: binary tensor data extension
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .asgi import Receive
from .base64_media import decode_media
from .refusal import Refusal
from .spool import Spool, SpooledFile
from .uploads import body_chunks

__all__ = ["INPUT", "InferRequest", "Media", "OutputTensor", "encode_outputs", "read_request"]

INPUT = "media"
#: of a request's JSON where the tensors are binary, in bytes
_MAX_HEAD = 1_000_000
_LENGTH = struct.Struct("<I")
_NUMBERS = {"FP64": "d", "INT64": "q", "BOOL": "?"}


@dataclass(frozen=True)
class Media:
    """One element of the input.

    Args:
        source: a spooled file, a file's content, or None where the element is no media
        size: in bytes
        element: as JSON holds it; None where it came as bytes
    """

    source: Path | bytes | None
    size: int
    element: object = None


@dataclass(frozen=True)
class InferRequest:
    """What a client wants.

    Args:
        id: goes back with the answer; empty where the client gave none
        media: the clips
        outputs: the names of the tensors that are wanted, each with whether in binary
        shape: of the input
    """

    id: str
    media: list[Media]
    outputs: dict[str, bool]
    shape: list[int]


@dataclass(frozen=True)
class OutputTensor:
    """A tensor of an answer.

    Args:
        name: its name
        datatype: BYTES, FP64, INT64 or BOOL
        shape: its dimensions
        values: all of them in a row, None where there is no number
    """

    name: str
    datatype: str
    shape: list[int]
    values: Sequence[str | float | bool | None]


async def read_request(
    receive: Receive,
    head_bytes: int | None,
    spool: Spool,
    files: ExitStack,
    *,
    names: Sequence[str],
    max_files: int,
) -> InferRequest:
    """Read a request.

    Args:
        receive: its body
        head_bytes: of JSON in front of binary tensors; None where all is JSON
        spool: where binary elements go
        files: deletes them when it is closed
        names: of the tensors that there are
        max_files: elements, at most

    Raises:
        Refusal: it is not as the protocol has it
    """
    if head_bytes is not None and not 0 < head_bytes <= _MAX_HEAD:
        raise _wrong(f"Inference-Header-Content-Length is {head_bytes}")
    head, elements = bytearray(), _Elements(spool, files, max_files)
    async for chunk in body_chunks(receive):
        rest = chunk
        if head_bytes is None or len(head) < head_bytes:
            missing = len(chunk) if head_bytes is None else head_bytes - len(head)
            head += chunk[:missing]
            rest = chunk[missing:]
        elements.feed(rest)
    try:
        fields = json.loads(head)
    except (ValueError, RecursionError):
        raise _wrong("the request is no JSON") from None
    tensor = _input_tensor(fields)
    parameters = tensor.get("parameters") or {}
    if "binary_data_size" in parameters:
        media = elements.finish(parameters["binary_data_size"])
    else:
        media = _json_elements(tensor.get("data"))
    shape = tensor.get("shape")
    if not isinstance(shape, list) or _size(shape) != len(media):
        raise _wrong(f"the shape {shape} does not fit {len(media)} elements")
    if not 0 < len(media) <= max_files:
        raise _wrong(f"{len(media)} elements: 1 to {max_files} are expected")
    return InferRequest(str(fields.get("id") or ""), media, _outputs(fields, names), shape)


def encode_outputs(
    fields: dict[str, object], tensors: Sequence[OutputTensor], outputs: dict[str, bool]
) -> tuple[bytes, int | None]:
    """Return the body of an answer, and how many bytes of it are JSON; None for all.

    Args:
        fields: of the answer, besides its outputs
        tensors: the outputs
        outputs: by name, whether in binary
    """
    described: list[dict[str, object]] = []
    binary = bytearray()
    for tensor in tensors:
        fields_of_tensor: dict[str, object] = {
            "name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape
        }  # fmt: skip
        if outputs[tensor.name]:
            content = _encode(tensor)
            fields_of_tensor["parameters"] = {"binary_data_size": len(content)}
            binary += content
        else:
            fields_of_tensor["data"] = list(tensor.values)
        described.append(fields_of_tensor)
    head = json.dumps(fields | {"outputs": described}, allow_nan=False).encode()
    return head + binary, len(head) if any(outputs.values()) else None


class _Elements:
    """Binary elements, each after its length, written to the spool as they arrive."""

    def __init__(self, spool: Spool, files: ExitStack, max_files: int) -> None:
        self._spool, self._files, self._max_files = spool, files, max_files
        self._length = bytearray()
        self._missing = 0
        self._file: SpooledFile | None = None
        self._media: list[Media] = []
        self._received = 0

    def feed(self, chunk: bytes) -> None:
        self._received += len(chunk)
        while chunk:
            if self._file is None:
                missing = _LENGTH.size - len(self._length)
                self._length += chunk[:missing]
                chunk = chunk[missing:]
                if len(self._length) == _LENGTH.size:
                    self._open()
            else:
                self._file.write(chunk[: self._missing])
                self._missing, chunk = (
                    max(0, self._missing - len(chunk)),
                    chunk[self._missing :],
                )
            if self._file and not self._missing:
                self._close(self._file)

    def finish(self, size: object) -> list[Media]:
        if self._file or self._length or size != self._received:
            raise _wrong(f"{self._received} bytes of elements came, {size} are announced")
        return self._media

    def _open(self) -> None:
        if len(self._media) == self._max_files:
            raise _wrong(f"more than {self._max_files} elements at a time")
        (self._missing,) = _LENGTH.unpack(self._length)
        self._length.clear()
        self._file = self._files.enter_context(self._spool.new_file())

    def _close(self, file: SpooledFile) -> None:
        self._media.append(Media(file.finish(), file.size))
        self._file = None


def _input_tensor(fields: object) -> dict[str, Any]:
    inputs = fields.get("inputs") if isinstance(fields, dict) else None
    if isinstance(inputs, list) and len(inputs) == 1 and isinstance(inputs[0], dict):
        tensor: dict[str, Any] = inputs[0]
        if tensor.get("name") == INPUT and tensor.get("datatype") == "BYTES":
            return tensor
    raise _wrong(f"one input is expected: {INPUT}, of the datatype BYTES")


def _json_elements(data: object) -> list[Media]:
    """Return elements in base64, which is how JSON brings bytes."""
    while isinstance(data, list) and data and isinstance(data[0], list):
        data = [element for row in data for element in (row if isinstance(row, list) else [row])]
    if not isinstance(data, list):
        raise _wrong("the input has no data")
    contents = [decode_media(element) for element in data]
    return [
        Media(content, len(content or b""), element)
        for content, element in zip(contents, data, strict=True)
    ]


def _outputs(fields: dict[str, Any], names: Sequence[str]) -> dict[str, bool]:
    everything = bool((fields.get("parameters") or {}).get("binary_data_output"))
    wanted = fields.get("outputs") or [{"name": name} for name in names]
    outputs = {}
    for output in wanted:
        name = output.get("name") if isinstance(output, dict) else None
        if name not in names:
            raise _wrong(f"there is no output {str(name)[:40]!r}: {', '.join(names)} are there")
        parameters = output.get("parameters") or {}
        outputs[str(name)] = bool(parameters.get("binary_data", everything))
    return outputs


def _size(shape: list[object]) -> int:
    size = 1
    for length in shape:
        if not isinstance(length, int) or length < 0:
            return -1
        size *= length
    return size


def _encode(tensor: OutputTensor) -> bytes:
    if tensor.datatype == "BYTES":
        texts = [str(value).encode() for value in tensor.values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    values = [float("nan") if value is None else value for value in tensor.values]
    return struct.pack(f"<{len(values)}{_NUMBERS[tensor.datatype]}", *values)


def _wrong(message: str) -> Refusal:
    return Refusal(400, "request", message, close=True)
