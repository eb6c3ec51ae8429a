"""Packets on one clock where the file's own starts anew, as in recordings that were joined."""

from __future__ import annotations

import math
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
        self._decoded_s: dict[int, float] = {}  # up to when a stream was decoded, by its index
        self._end_s = -math.inf  # of what is shown and heard
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
                self._begin_recording(held)
                self._measure(held)
            yield self._shift(held)
        if time_s is not None and not self._continues(index, time_s):
            self._held[index] = packet
            return
        self._measure(packet)
        yield self._shift(packet)

    def _continues(self, index: int, time_s: float) -> bool:
        """Return whether a time stamp continues its stream, be it in the next recording."""
        end_s = self._decoded_s.get(index)
        if end_s is None:
            return True
        first_s, last_s = end_s - _MIN_BACK_S, self._end_s + _MIN_FORWARD_S
        for number in range(self._recording.get(index, 0), len(self._offsets_s)):
            if first_s <= time_s + self._offsets_s[number] <= last_s:
                self._recording[index] = number
                return True
        return False

    def _begin_recording(self, packet: Packet[Stream]) -> None:
        self._offsets_s.append(self._end_s - (_time_s(packet, shown=True) or 0.0))
        self._recording[packet.stream.index] = len(self._offsets_s) - 1

    def _measure(self, packet: Packet[Stream]) -> None:
        """Take note of how far a packet reaches."""
        time_s, shown_s = _time_s(packet), _time_s(packet, shown=True)
        if time_s is None or shown_s is None or not packet.time_base:
            return
        after_s = self._offset_s(packet) + float((packet.duration or 0) * packet.time_base)
        self._decoded_s[packet.stream.index] = time_s + after_s
        self._end_s = max(self._end_s, shown_s + after_s)

    def _shift(self, packet: Packet[Stream]) -> Packet[Stream]:
        if packet.time_base and (offset_s := self._offset_s(packet)):
            ticks = round(offset_s / float(packet.time_base))
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        return packet

    def _offset_s(self, packet: Packet[Stream]) -> float:
        return self._offsets_s[self._recording.get(packet.stream.index, 0)]


def _time_s(packet: Packet[Stream], *, shown: bool = False) -> float | None:
    """Return when a packet is decoded, or shown, in seconds by its file; None if unknown."""
    first, second = (packet.pts, packet.dts) if shown else (packet.dts, packet.pts)
    timestamp = second if first is None else first
    if timestamp is None or not packet.time_base:
        return None
    return float(timestamp * packet.time_base)
