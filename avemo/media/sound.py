"""Sound out of media files, and into them."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MediaError
from ..io import atomic_write
from .container import MediaFile
from .levels import dc_offset, to_dbfs
from .scan import MonoBlock, Scan, read_mono_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "SILENT_POWER",
    "WINDOW_RATE",
    "PowerMeter",
    "PowerTrack",
    "Voice",
    "check_sound",
    "find_voiced_span",
    "join_blocks",
    "read_sound",
    "read_sound_blocks",
    "write_wav",
]

#: windows a second, in which the voiced part is looked for
WINDOW_RATE = 50
#: the power of a window at -60 dBFS
SILENT_POWER = 1e-6


def read_sound(source: Path | bytes, sample_rate: int = 16000) -> NDArray[np.float32]:
    """Return the sound of a file, see `join_blocks`.

    Args:
        source: an audio or video file, or its content
        sample_rate: in Hz

    Raises:
        MediaError: `no-sound`, `unreadable`
    """
    with MediaFile(source) as file:
        return join_blocks(lambda: read_mono_blocks(Scan(file), file), sample_rate)


def read_sound_blocks(source: Path | bytes, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield the sound of a file block by block, as it is decoded; an offset stays in.

    Args:
        source: an audio or video file, or its content
        sample_rate: in Hz

    Yields:
        blocks [shape=(samples,)]

    Raises:
        MediaError: `no-sound` for a file without an audio stream, `unreadable` for one that is
            broken: no media, cut short, samples that are no numbers
    """
    with MediaFile(source) as file:
        yield from _resample(read_mono_blocks(Scan(file), file), sample_rate)


def join_blocks(
    read_blocks: Callable[[], Iterable[MonoBlock]], sample_rate: int
) -> NDArray[np.float32]:
    """Return a sound at a sample rate, without an offset.

    Args:
        read_blocks: returns the sound as it is decoded; is called twice if there is an offset
        sample_rate: in Hz; sound of another rate is resampled

    Returns:
        in [-1, 1] [shape=(samples,)]; a float file may hold more than 1
    """
    sound = np.concatenate([*_resample(read_blocks(), sample_rate)])
    offset = dc_offset(float(sound.sum()) / max(1, len(sound)), _peak(sound))
    if offset:  # taken off before resampling: afterwards either end would click
        blocks = ((rate, block - np.float32(offset)) for rate, block in read_blocks())
        sound = np.concatenate([*_resample(blocks, sample_rate)])
    return sound


def _resample(blocks: Iterable[MonoBlock], sample_rate: int) -> Iterator[NDArray[np.float32]]:
    resampler = None
    for source_rate, block in blocks:
        if source_rate != sample_rate:
            import soxr

            resampler = resampler or soxr.ResampleStream(source_rate, sample_rate, 1)
            block = resampler.resample_chunk(block)
        yield block
    if resampler:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def find_voiced_span(source: Path | bytes, below_db: float) -> tuple[float, float] | None:
    """Return where the sound of a file is heard, in seconds from the clip's start.

    Args:
        source: an audio or video file, or its content
        below_db: as `PowerTrack.locate_voice` takes it

    Returns:
        None for a file without sound, and for silence
    """
    try:
        with MediaFile(source) as file:
            scan, track = Scan(file), PowerTrack()
            for block in read_mono_blocks(scan, file):
                track.add(block)
    except MediaError:
        return None
    voice = track.locate_voice(below_db, start_s=scan.sound_start_s)
    return voice.span if voice else None


@dataclass(frozen=True)
class Voice:
    """Where a sound is heard.

    Args:
        start_s: when it begins to be heard, in seconds from the clip's start
        end_s: when it ends to be heard
        voiced_s: how much of that time something is heard, in seconds
        channel: that is taken, from 0; None for the mean of all
    """

    start_s: float
    end_s: float
    voiced_s: float
    channel: int | None = None

    @property
    def span(self) -> tuple[float, float]:
        """Where it begins and ends to be heard."""
        return self.start_s, self.end_s


class PowerMeter:
    """Measures the power of each window of 20 ms of a sound that comes block by block.

    Attributes:
        sample_rate: of the last block, in Hz
        window_samples: how many samples a window of it has
        pending: samples that wait for the rest of their window
    """

    def __init__(self) -> None:
        self.sample_rate = self.window_samples = 0
        self.pending = np.zeros(0, np.float32)

    def add(self, sample_rate: int, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the power of each window that a block completes; a constant offset has none."""
        self.sample_rate, self.window_samples = sample_rate, max(1, sample_rate // WINDOW_RATE)
        samples = np.concatenate([self.pending, block])
        end = len(samples) // self.window_samples * self.window_samples
        self.pending = samples[end:].copy()  # of a view, all samples would stay in memory
        powers: NDArray[np.float32] = samples[:end].reshape(-1, self.window_samples).var(axis=1)
        return powers


class PowerTrack:
    """Keeps the power of each window of 20 ms of a sound: 400 bytes a second."""

    def __init__(self) -> None:
        self._meter = PowerMeter()
        self._powers: list[NDArray[np.float32]] = []

    def add(self, block: MonoBlock) -> None:
        """Measure the next block."""
        self._powers.append(self._meter.add(*block))

    def locate_voice(
        self, below_db: float, *, start_s: float = 0.0, channel: int | None = None
    ) -> Voice | None:
        """Return where the sound is heard, to a window of 20 ms; None for silence.

        Args:
            below_db: a window is heard if it is at most this far below the loudest
            start_s: when the sound starts, in seconds from the clip's start
            channel: as `Voice` takes it
        """
        power = np.concatenate([*self._powers, np.zeros(1)])
        if power.max() < SILENT_POWER:
            return None
        voiced = np.flatnonzero(power >= power.max() * 10 ** (-below_db / 10))
        size, sample_rate = self._meter.window_samples, self._meter.sample_rate
        return Voice(
            start_s=float(voiced[0] * size / sample_rate) + start_s,
            end_s=float((voiced[-1] + 1) * size / sample_rate) + start_s,
            voiced_s=float(len(voiced) * size / sample_rate),
            channel=channel,
        )


def write_wav(
    path: Path,
    sound: NDArray[np.floating] | Iterable[NDArray[np.floating]],
    sample_rate: int,
) -> None:
    """Write a WAV file of 16 bits; it replaces an existing one, whole or not at all.

    Args:
        path: the file
        sound: in [-1, 1] [shape=(samples,)], or its blocks; what is louder is clipped
        sample_rate: in Hz
    """
    blocks = [sound] if isinstance(sound, np.ndarray) else sound
    with atomic_write(path) as beside, wave.open(str(beside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for block in blocks:
            integers = np.clip(np.rint(np.asarray(block, np.float64) * 32768), -32768, 32767)
            file.writeframes(integers.astype("<i2").tobytes())


def check_sound(
    sound: NDArray[np.floating], sample_rate: int, *, min_duration_s: float, silence_dbfs: float
) -> None:
    """Refuse a sound that no emotion can be heard in.

    Args:
        sound: in [-1, 1] [shape=(samples,)]
        sample_rate: in Hz
        min_duration_s: a shorter sound is refused
        silence_dbfs: a sound whose peak is below is refused

    Raises:
        MediaError: `too-short` or `silent`
    """
    duration_s = len(sound) / sample_rate
    if duration_s < min_duration_s:
        raise MediaError(
            "too-short",
            f"{duration_s:.2f} s of sound, at least {min_duration_s:g} s are expected:"
            " record a longer clip",
        )
    peak = to_dbfs(_peak(sound))
    if peak < silence_dbfs:
        level = f"the sound peaks at {peak:.0f} dBFS" if np.isfinite(peak) else "nothing but zeros"
        raise MediaError(
            "silent",
            f"{level}, at least {silence_dbfs:g} dBFS are expected: check the microphone",
        )


def _peak(sound: NDArray[np.floating]) -> float:
    return float(np.abs(sound).max(initial=0))
