"""A clip that another process decodes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ...errors import MediaError
from ..clip import Clip
from ..frames import Frame
from ..playback import Opening, Played, PlayedPicture, PlayedSound
from ..scan import Streams
from ..sound import Voice
from . import wire
from .growing_file import GrowingFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RemoteClip"]

Message = tuple[wire.Header, bytearray]


class RemoteClip(Clip):
    """A clip with the methods of `Clip`, each answered by a decoding process.

    Args:
        connection: to the process, which has the file open
        arriving: the file, where it is still arriving
    """

    def __init__(self, connection: socket.socket, arriving: GrowingFile | None) -> None:
        super().__init__(b"")
        self._connection = connection
        self._arriving = arriving
        self._sounds: dict[int, NDArray[np.float32]] = {}
        self.idle = True  # no request is under way

    def __repr__(self) -> str:
        return "RemoteClip()"

    def __enter__(self) -> RemoteClip:
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the file open: who opened the clip closes it."""

    def streams(self) -> Streams:
        """Return which streams the file's header names; see `Clip.streams`."""
        with self._lock:
            if self._streams is None:
                for header, _ in self._ask(do="streams"):
                    self._streams = Streams(
                        bool(header["sound"]),
                        bool(header["picture"]),
                        _number(header["audio_track"]),
                        _number(header["video_track"]),
                    )
            assert self._streams
            return self._streams

    def sound(self, sample_rate: int = 16000) -> NDArray[np.float32]:
        """Return the sound as one channel; see `Clip.sound`."""
        import numpy as np

        with self._lock:
            if sample_rate not in self._sounds:
                for _, payload in self._ask(do="sound", rate=sample_rate):
                    self._sounds[sample_rate] = np.frombuffer(payload, np.float32)
            return self._sounds[sample_rate]

    def voice(self, below_db: float) -> Voice | None:
        """Return where the sound is heard, and how much of it; see `Clip.voice`."""
        with self._lock:
            if below_db not in self._voices:
                for header, _ in self._ask(do="voice", below_db=below_db):
                    self._voices[below_db] = _voice(header["voice"])
            return self._voices[below_db]

    def iterate_frames(
        self, count: int, span: tuple[float, float] | None = None
    ) -> Iterator[Frame]:
        """Yield frames as they are decoded; see `Clip.iterate_frames`."""
        with self._lock:
            for header, payload in self._ask(do="frames", count=count, span=span):
                yield Frame(float(header["time_s"]), _picture(header, payload))

    def play(self, picture_interval: Fraction | None) -> Iterator[Played]:
        """Yield sound and pictures as they are played; see `Clip.play`."""
        interval = picture_interval and [picture_interval.numerator, picture_interval.denominator]
        with self._lock:
            for header, payload in self._ask(do="play", interval=interval):
                yield _PLAYED[header["kind"]](header, payload)

    def _ask(self, **request: object) -> Iterator[Message]:
        """Yield the messages that answer a request.

        Raises:
            MediaError: the file cannot be used, or the process ended over it
        """
        self.idle = False
        try:
            wire.send(self._connection, request)
            while True:
                header, payload = wire.receive(self._connection)
                if header["kind"] == "need":
                    self._report_size(int(header["size"]))
                elif header["kind"] == "error":
                    self.idle = True
                    raise MediaError(str(header["finding"]), str(header["message"]))
                elif header["kind"] == "end":
                    self.idle = True
                    return
                else:
                    yield header, payload
        except (wire.WireError, OSError, KeyError, TypeError, ValueError) as error:
            if self.idle:  # not the connection's, but of who takes the messages
                raise
            raise MediaError(
                "unreadable",
                "decoding ended abnormally, which a damaged file causes: export it anew",
            ) from error

    def _report_size(self, needed: int) -> None:
        """Tell the process how much of the file has arrived, once that is more."""
        assert self._arriving
        size, complete = self._arriving.wait_for(needed)
        if self._arriving.aborted:
            raise wire.WireError("the rest of the file will not arrive")
        wire.send(self._connection, {"size": size, "complete": complete})


def _number(value: int | None) -> int | None:
    return None if value is None else int(value)


def _voice(fields: wire.Header | None) -> Voice | None:
    if fields is None:
        return None
    start_s, end_s, voiced_s = (float(fields[key]) for key in ("start_s", "end_s", "voiced_s"))
    return Voice(start_s, end_s, voiced_s, _number(fields["channel"]))


def _picture(header: wire.Header, payload: bytearray) -> NDArray[np.uint8]:
    import numpy as np

    height, width = header["size"]
    return np.frombuffer(payload, np.uint8).reshape(height, width, 3)


def _played_sound(header: wire.Header, payload: bytearray) -> PlayedSound:
    import numpy as np

    samples = np.frombuffer(payload, np.float32)
    return PlayedSound(Fraction(*header["start"]), int(header["rate"]), samples)


def _played_picture(header: wire.Header, payload: bytearray) -> PlayedPicture:
    image = _picture(header, payload) if "size" in header else None
    return PlayedPicture(Fraction(*header["time"]), image)


def _opening(header: wire.Header, payload: bytearray) -> Opening:
    return Opening(bool(header["sound"]), bool(header["picture"]))


_PLAYED: dict[str, Callable[[wire.Header, bytearray], Played]] = {
    "opening": _opening,
    "played-sound": _played_sound,
    "played-picture": _played_picture,
}
