"""Messages between a decoding process and who asks it: a header in JSON, and raw samples.

What comes from a decoding process is never unpickled: a damaged file may have taken it over.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["MAX_PAYLOAD_BYTES", "WireError", "receive", "send"]

#: a frame of 1280 by 1280 pixels takes 5 MB, three minutes of sound at 48 kHz 35 MB
MAX_PAYLOAD_BYTES = 2**26
_MAX_HEADER_BYTES = 2**16
_LENGTHS = struct.Struct("!II")

Header = dict[str, Any]


class WireError(Exception):
    """The other side has ended, or sent what is no message."""


def send(
    connection: socket.socket, header: Mapping[str, object], payload: bytes | memoryview = b""
) -> None:
    """Send one message.

    Args:
        connection: to the other process
        header: what JSON can hold
        payload: raw bytes

    Raises:
        OSError: the other side has ended
    """
    text = json.dumps(header).encode()
    connection.sendall(_LENGTHS.pack(len(text), len(payload)) + text)
    if payload:
        connection.sendall(payload)


def receive(connection: socket.socket) -> tuple[Header, bytearray]:
    """Return the next message's header and payload.

    Raises:
        WireError: the other side has ended, or sent what is no message
    """
    header_bytes, payload_bytes = _LENGTHS.unpack(_read(connection, _LENGTHS.size))
    if header_bytes > _MAX_HEADER_BYTES or payload_bytes > MAX_PAYLOAD_BYTES:
        raise WireError(f"a message of {header_bytes:,} and {payload_bytes:,} bytes")
    try:
        header = json.loads(_read(connection, header_bytes))
    except ValueError as error:
        raise WireError(f"a header that is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise WireError("a header that is no JSON object")
    return header, _read(connection, payload_bytes)


def _read(connection: socket.socket, count: int) -> bytearray:
    content = bytearray(count)
    rest = memoryview(content)
    while rest:
        try:
            received = connection.recv_into(rest)
        except OSError as error:
            raise WireError(str(error)) from None
        if not received:
            raise WireError("the other process has ended")
        rest = rest[received:]
    return content
