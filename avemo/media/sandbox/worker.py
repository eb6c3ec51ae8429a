"""The decoding process: reads one file after the other for who started it, and opens none."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from fractions import Fraction
from os import fdopen
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ...errors import MediaError
from ..clip import Clip
from ..playback import Opening, PlayedPicture, PlayedSound
from ..prefetch import prefetch
from . import wire
from .confinement import Limits, forbid_system_calls, limit_resources

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["main"]

Request = wire.Header
Message = tuple[Request, "bytes | memoryview"]

#: messages that wait to be sent; a picture takes 3 MB
_AHEAD = 4


def main(descriptor: int, limits_json: str) -> None:
    """Serve who started this process, until they close the connection.

    Args:
        descriptor: of the connection
        limits_json: the fields of `Limits`
    """
    connection = socket.socket(fileno=descriptor)
    limits = Limits(**json.loads(limits_json))
    _load_libraries()
    limit_resources(limits)
    confined = forbid_system_calls()
    with suppress(OSError, wire.WireError):  # the other side has ended
        wire.send(connection, {"kind": "ready", "confined": confined})
        while True:
            request, _ = wire.receive(connection)
            _read_file(connection, request, limits)


def _read_file(connection: socket.socket, opening: Request, limits: Limits) -> None:
    """Answer what is asked of one file."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    with fdopen(descriptors[0], "rb", buffering=0) as content:
        source = _ArrivingFile(content, connection, opening["size"], opening["complete"])
        with Clip(cast("BinaryIO", source), max_sound_s=limits.max_clip_s) as clip:
            while True:
                request, _ = wire.receive(connection)
                if request["do"] == "close":
                    wire.send(connection, {"kind": "closed"})
                    return
                try:
                    with _running_ahead(_answer(clip, request), opening["complete"]) as messages:
                        for header, payload in messages:
                            wire.send(connection, header, payload)
                except MediaError as error:
                    _send_error(connection, error.finding, str(error))
                except MemoryError:
                    reason = f"it takes more than {limits.memory_mb:,} MB of memory to decode"
                    _send_error(connection, "unreadable", reason)


@contextmanager
def _running_ahead(messages: Iterator[Message], complete: bool) -> Iterator[Iterator[Message]]:
    """Decode on, while messages are sent and the other side is busy with earlier ones.

    Not where the file is still arriving: reading it asks for more over the same connection.
    """
    if not complete:
        yield messages
        return
    with prefetch(messages, _AHEAD) as decoded:
        yield decoded


def _send_error(connection: socket.socket, finding: str, message: str) -> None:
    wire.send(connection, {"kind": "error", "finding": finding, "message": message[:1000]})


def _answer(clip: Clip, request: Request) -> Iterator[Message]:
    """Yield the messages that answer a request, the last of them of the kind `end`."""
    if request["do"] == "streams":
        yield {"kind": "streams", **asdict(clip.streams())}, b""
    elif request["do"] == "sound":
        sound = clip.sound(request["rate"])
        yield {"kind": "sound"}, _bytes(sound)
    elif request["do"] == "voice":
        voice = clip.voice(request["below_db"])
        yield {"kind": "voice", "voice": voice and asdict(voice)}, b""
    elif request["do"] == "frames":
        span = request["span"]
        for frame in clip.iterate_frames(request["count"], span and tuple(span)):
            height, width, _ = frame.image.shape
            header = {"kind": "frame", "time_s": frame.time_s, "size": [height, width]}
            yield header, _bytes(frame.image)
    elif request["do"] == "play":
        interval = request["interval"]
        yield from _play(clip, interval and Fraction(*interval))
    yield {"kind": "end"}, b""


def _play(clip: Clip, interval: Fraction | None) -> Iterator[Message]:
    for part in clip.play(interval):
        if isinstance(part, Opening):
            yield {"kind": "opening", **asdict(part)}, b""
        elif isinstance(part, PlayedSound):
            start = [part.start.numerator, part.start.denominator]
            header = {"kind": "played-sound", "start": start, "rate": part.sample_rate}
            yield header, _bytes(part.samples)
        elif isinstance(part, PlayedPicture):
            time = [part.time.numerator, part.time.denominator]
            if part.image is None:
                yield {"kind": "played-picture", "time": time}, b""
            else:
                height, width, _ = part.image.shape
                header = {"kind": "played-picture", "time": time, "size": [height, width]}
                yield header, _bytes(part.image)


def _bytes(array: NDArray[np.generic]) -> memoryview:
    import numpy as np

    return np.ascontiguousarray(array).data.cast("B")


class _ArrivingFile(io.RawIOBase):
    """A file that may still be arriving; reading waits for what is not there yet.

    As long as it arrives, it cannot be read anywhere but onwards.

    Args:
        content: what has arrived
        connection: to who knows how much has arrived
        size: in bytes, as far as it has arrived
        complete: nothing more will arrive
    """

    def __init__(
        self, content: BinaryIO, connection: socket.socket, size: int, complete: bool
    ) -> None:
        self._content = content
        self._connection = connection
        self._size = size
        self._complete = complete
        self._seekable: bool | None = True if complete else None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether all of it is there; this is settled when it is first asked."""
        if self._seekable is None:
            self._seekable = self._must_be_complete()
        return self._seekable

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._content.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        return self._content.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; none at the end of the file."""
        position = self._content.tell()
        if not self._complete and position + max(size, 1) > self._size:
            self._wait_for(position + 1)
        return self._content.read(size)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and return how many bytes were read."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _wait_for(self, size: int) -> None:
        wire.send(self._connection, {"kind": "need", "size": size})
        answer, _ = wire.receive(self._connection)
        self._size, self._complete = answer["size"], answer["complete"]

    def _must_be_complete(self) -> bool:
        """Wait for the whole of an MP4 file whose index is at its end, and tell whether it is one.

        Such a file cannot be read onwards from its start.
        """
        position, index_at_end = 0, False
        while True:
            if not self._complete and position + 16 > self._size:
                self._wait_for(position + 16)
            self._content.seek(position)
            head = self._content.read(16)
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if kind == b"mdat":
                index_at_end = True
                break
            if kind not in (b"ftyp", b"free", b"skip", b"wide", b"uuid", b"styp") or size < 8:
                break
            position += size
        self._content.seek(0)
        if index_at_end:
            while not self._complete:
                self._wait_for(self._size + 1)
        return index_at_end


def _load_libraries() -> None:
    """Load what decoding takes: later, this process can open no file."""
    import pkgutil
    from importlib import import_module

    import av
    import soundfile
    import soxr

    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    soxr.ResampleStream(8000, 16000, 1)
    soundfile.available_formats()
