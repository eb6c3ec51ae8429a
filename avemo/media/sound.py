"""Sound out of media files, and into them."""

import wave
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ..errors import MediaError
from ..io import atomic_write
from .container import name, opened, packets
from .decoder import Decoder, opened_wav, wav_blocks
from .levels import dbfs, offset_of

__all__ = ["blocks", "check_sound", "read_sound", "voiced", "write_wav"]

#: in a second, when it is asked where something is heard
_WINDOWS = 50
#: the power of a window at -60 dBFS
_SILENCE = 1e-6


def read_sound(source: Path | bytes, sample_rate: int = 16000) -> np.ndarray:
    """The whole sound of a file, as one channel.

    Args:
        source: an audio or video file, or its content
        sample_rate: in Hz; sound of another rate is resampled

    Returns:
        float32 in [-1, 1] [shape=(samples,)], the mean of the channels, without a constant offset;
        a float file may hold more than 1

    Raises:
        MediaError: `no-sound` for a file without an audio stream, `unreadable` for one that is
            broken: no media, cut short, samples that are no number
    """
    sound = np.concatenate([*blocks(source, sample_rate)])
    offset = offset_of(float(sound.sum()) / max(1, len(sound)), _peak(sound))
    if offset:  # before it is resampled: afterwards either end would click
        sound = np.concatenate([*blocks(source, sample_rate, offset=offset)])
    return sound


def blocks(source: Path | bytes, sample_rate: int, *, offset: float = 0.0) -> Iterator[np.ndarray]:
    """The sound of a file block by block, as it is decoded; see `read_sound`.

    Args:
        source: an audio or video file, or its content
        sample_rate: in Hz
        offset: is taken off each sample

    Yields:
        float32 [shape=(samples,)]
    """
    resampler, samples = None, 0
    for rate, block in _decoded(source):
        samples += len(block)
        block = block - np.float32(offset) if offset else block
        if rate != sample_rate:
            import soxr

            resampler = resampler or soxr.ResampleStream(rate, sample_rate, 1)
            block = resampler.resample_chunk(block)
        yield block
    if not samples:
        raise MediaError("unreadable", f"the sound of {name(source)} does not decode")
    if resampler:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _decoded(source: Path | bytes) -> Iterator[tuple[int, np.ndarray]]:
    """The sample rate and the mean of the channels, block by block."""
    wav = opened_wav(source)
    if wav:
        with wav:
            yield from ((wav.samplerate, _mono(block)) for block in wav_blocks(wav))
        return
    with opened(source) as container:
        if not container.streams.audio:
            raise MediaError("no-sound", f"{name(source)} has no sound: there is no audio stream")
        stream = container.streams.audio[0]
        decoder = Decoder(stream)
        for packet in packets(container, stream):
            for block in decoder.take(packet):
                yield decoder.sample_rate, _mono(block)
        decoder.finish(source)


def _mono(block: np.ndarray) -> np.ndarray:
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)


def voiced(source: Path | bytes, below_db: float) -> tuple[float, float] | None:
    """From where to where something is heard: the first and the last window of 20 ms that is.

    Args:
        source: an audio or video file, or its content
        below_db: a window counts that is at most so far below the loudest

    Returns:
        seconds from the sound's start; None where there is no sound, or none that can be used
    """
    powers, rest = [], np.zeros(0, np.float32)
    try:
        for rate, block in _decoded(source):
            size = max(1, rate // _WINDOWS)
            rest = np.concatenate([rest, block])
            end = len(rest) // size * size
            powers.append(rest[:end].reshape(-1, size).var(axis=1))  # of no constant offset
            rest = rest[end:]
    except MediaError:
        return None
    power = np.concatenate([*powers, np.zeros(1)])
    if power.max() < _SILENCE:
        return None
    heard = np.flatnonzero(power >= power.max() * 10 ** (-below_db / 10))
    return heard[0] * size / rate, (heard[-1] + 1) * size / rate


def write_wav(path: Path, sound: np.ndarray | Iterable[np.ndarray], sample_rate: int) -> None:
    """Write a WAV file of 16 bits, whole or not at all.

    Args:
        path: the file; one that stands there is replaced
        sound: float in [-1, 1] [shape=(samples,)], or its blocks; what is louder is clipped
        sample_rate: in Hz
    """
    parts = [sound] if isinstance(sound, np.ndarray) else sound
    with atomic_write(path) as beside, wave.open(str(beside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for part in parts:
            levels = np.clip(np.rint(np.asarray(part, np.float64) * 32768), -32768, 32767)
            file.writeframes(levels.astype("<i2").tobytes())


def check_sound(
    sound: np.ndarray, sample_rate: int, *, min_duration_s: float, silence_dbfs: float
) -> None:
    """Refuse a sound that no emotion can be heard in.

    Args:
        sound: float in [-1, 1] [shape=(samples,)]
        sample_rate: in Hz
        min_duration_s: shorter is refused
        silence_dbfs: a sound whose peak stays below is refused

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
    peak = dbfs(_peak(sound))
    if peak < silence_dbfs:
        found = f"the sound peaks at {peak:.0f} dBFS" if np.isfinite(peak) else "nothing but zeros"
        raise MediaError(
            "silent",
            f"{found}, at least {silence_dbfs:g} dBFS are expected: check the microphone",
        )


def _peak(sound: np.ndarray) -> float:
    return float(np.abs(sound).max(initial=0))
