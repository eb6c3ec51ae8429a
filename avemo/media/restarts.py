"""Packets on one clock where the file's own starts anew, as in recordings that were joined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet
    from av.stream import Stream

__all__ = ["RESTARTING_FORMATS", "RestartJoiner"]

#: formats in which the clock may start anew, because joined files are a file: FFmpeg's
#: `AVFMT_TS_DISCONT`
RESTARTING_FORMATS = ("mpegts", "mpeg", "ogg")
#: a decoding time stamp so much before the last one is no reordering, as in FFmpeg's own tools
_MIN_BACK_S = 0.1
#: a time stamp so much later than that of every stream is no gap, as in FFmpeg's own tools
_MIN_FORWARD_S = 10.0
#: the next packet confirms a new clock if it comes within
_MAX_STEP_S = 1.0


class RestartJoiner:
    """Shifts the time stamps of packets so that each recording of a file follows the one before.

    A time stamp that jumps counts only if the stream's next packet continues from it: a single one
    is damage, and stays as it is.

    Source:
        FFmpeg, fftools/ffmpeg_demux.c: ts_discontinuity_process
    """

    def __init__(self) -> None:
        self._offsets_s = [0.0]  # of each recording in the file
        self._recording: dict[int, int] = {}  # that a stream has come to, by its index
        self._ends_s: dict[int, float] = {}  # of the last packet, by stream
        self._held: dict[int, Packet[Stream]] = {}  # their time stamps are in doubt, by stream

    @property
    def restarts(self) -> int:
        """How often the clock was seen to start anew."""
        return len(self._offsets_s) - 1

    def join(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Yield packets in the order of their stream, with time stamps on one clock.

        Args:
            packet: the file's next; the empty one that ends a stream releases what is held
        """
        index, time_s = packet.stream.index, _time_s(packet)
        if held := self._held.pop(index, None):
            held_s = _time_s(held)
            if time_s is not None and held_s is not None and 0 <= time_s - held_s <= _MAX_STEP_S:
                self._begin_recording(index, held_s)
            yield self._place(held)
        if time_s is not None and self._jumps(index, time_s):
            self._held[index] = packet
        else:
            yield self._place(packet)

    def _jumps(self, index: int, time_s: float) -> bool:
        """Return whether a time stamp does not continue its stream in any known recording."""
        end_s = self._ends_s.get(index)
        if end_s is None:
            return False
        current = self._recording.get(index, 0)
        offsets = range(current, len(self._offsets_s))
        nearest = min(offsets, key=lambda n: abs(time_s + self._offsets_s[n] - end_s))
        self._recording[index] = nearest
        time_s += self._offsets_s[nearest]
        latest_s = max(self._ends_s.values())
        return time_s < end_s - _MIN_BACK_S or time_s > latest_s + _MIN_FORWARD_S

    def _begin_recording(self, index: int, time_s: float) -> None:
        self._offsets_s.append(max(self._ends_s.values()) - time_s)
        self._recording[index] = len(self._offsets_s) - 1

    def _place(self, packet: Packet[Stream]) -> Packet[Stream]:
        index, time_s = packet.stream.index, _time_s(packet)
        if time_s is None or not packet.time_base:
            return packet
        offset_s, tick_s = self._offsets_s[self._recording.get(index, 0)], float(packet.time_base)
        if offset_s:
            ticks = round(offset_s / tick_s)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        self._ends_s[index] = time_s + offset_s + (packet.duration or 0) * tick_s
        return packet


def _time_s(packet: Packet[Stream]) -> float | None:
    """Return when a packet is decoded, in seconds by the file's clock; None where it is unknown."""
    timestamp = packet.pts if packet.dts is None else packet.dts
    if timestamp is None or not packet.time_base:
        return None
    return float(timestamp * packet.time_base)
