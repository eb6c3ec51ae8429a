"""The sound that the windows of a timeline still need, and where something is heard in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..media.levels import dc_offset
from ..media.playback import PlayedSound
from ..media.sound import SILENT_POWER, WINDOW_RATE, PowerMeter
from ..media.span import Span

if TYPE_CHECKING:
    import soxr

__all__ = ["SoundBuffer"]

#: the loudest moment of so many seconds is what others are compared with
_LOUDNESS_MEMORY_S = 30

Floats = NDArray[np.float32]


class SoundBuffer:
    """Keeps the sound from one moment on, at the sample rates that are needed.

    Args:
        sample_rates: in Hz
        below_db: a moment is heard if it is at most this far below the loudest of the last 30
            seconds, and above -60 dBFS
    """

    def __init__(self, sample_rates: Sequence[int], below_db: float) -> None:
        self._tracks = {rate: _Track(rate) for rate in sample_rates}
        self._meter = _VoiceMeter(below_db)
        self.end = Fraction(0)  # of what has come, in seconds

    def add(self, block: PlayedSound) -> None:
        """Take the next block of sound."""
        for track in self._tracks.values():
            track.add(block)
        self._meter.add(block)
        self.end = block.end

    def finish(self) -> None:
        """Take what resamplers still hold, once the sound has ended."""
        for track in self._tracks.values():
            track.finish()

    def read(self, window: Span, rate: int) -> Floats:
        """Return the sound of a window, without an offset; silence where there is none.

        Args:
            window: not before what `forget` has dropped
            rate: one of the sample rates, in Hz

        Returns:
            [shape=(samples,)]
        """
        sound = self._tracks[rate].read(window)
        offset = dc_offset(float(sound.mean()), float(np.abs(sound).max())) if len(sound) else 0.0
        return sound - np.float32(offset) if offset else sound

    def voiced_share(self, window: Span) -> float:
        """Return the share of a window in which something is heard, 0 to 1."""
        return self._meter.voiced_share(window)

    def forget(self, before: Fraction) -> None:
        """Drop the sound before a moment."""
        for track in self._tracks.values():
            track.forget(before)
        self._meter.forget(before)


class _Track:
    """The sound at one sample rate."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._first = 0  # number of the first sample that is kept, from the clip's start
        self._blocks: list[Floats] = []
        self._source_rate = 0
        self._resampler: soxr.ResampleStream | None = None

    def add(self, block: PlayedSound) -> None:
        if not self._source_rate:
            silence = max(0, round(block.start * self._rate) - self._first)
            self._blocks.append(np.zeros(silence, np.float32))
        if block.sample_rate != self._source_rate:
            self.finish()
            self._source_rate = block.sample_rate
            if block.sample_rate != self._rate:
                import soxr

                self._resampler = soxr.ResampleStream(block.sample_rate, self._rate, 1)
        samples = block.samples
        if self._resampler:
            samples = self._resampler.resample_chunk(samples)
        self._blocks.append(samples)

    def finish(self) -> None:
        if self._resampler:
            rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            self._blocks.append(rest)
            self._resampler = None

    def read(self, window: Span) -> Floats:
        sound = self._join()
        first = round(window.start * self._rate) - self._first
        last = round(window.end * self._rate) - self._first
        available = sound[max(0, first) : max(0, last)]
        missing = last - first - len(available)
        return np.pad(available, (0, missing))

    def forget(self, before: Fraction) -> None:
        sound = self._join()
        dropped = min(len(sound), max(0, round(before * self._rate) - self._first))
        self._blocks = [sound[dropped:].copy()]
        self._first += dropped

    def _join(self) -> Floats:
        if len(self._blocks) != 1:
            self._blocks = [np.concatenate([np.zeros(0, np.float32), *self._blocks])]
        return self._blocks[0]


class _VoiceMeter:
    """Tells where a sound is heard, by the power of its windows of 20 ms."""

    def __init__(self, below_db: float) -> None:
        self._ratio = 10 ** (-below_db / 10)
        self._powers: deque[tuple[Fraction, float]] = deque()  # when a window ends, in order
        self._meter = PowerMeter()
        self._end = Fraction(0)  # of the last window

    def add(self, block: PlayedSound) -> None:
        if block.sample_rate != self._meter.sample_rate:
            self._meter = PowerMeter()
        if not len(self._meter.pending):
            self._end = block.start
        for power in self._meter.add(block.sample_rate, block.samples):
            self._end += Fraction(self._meter.window_samples, block.sample_rate)
            self._powers.append((self._end, float(power)))

    def voiced_share(self, window: Span) -> float:
        recent = [
            (end, power)
            for end, power in self._powers
            if window.end - _LOUDNESS_MEMORY_S < end <= window.end
        ]
        loudest = max((power for _, power in recent), default=0.0)
        limit = max(SILENT_POWER, loudest * self._ratio)
        voiced = sum(end > window.start and power >= limit for end, power in recent)
        total = float(window.duration) * WINDOW_RATE
        return min(1.0, voiced / total) if total else 0.0

    def forget(self, before: Fraction) -> None:
        while self._powers and self._powers[0][0] <= before - _LOUDNESS_MEMORY_S:
            self._powers.popleft()
