"""Sound out of media files, and into them."""

import io
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MediaError
from ..files import whole
from .container import name, opened

__all__ = [
    "Decoder",
    "blocks",
    "check_sound",
    "opened_wav",
    "peak_dbfs",
    "read_sound",
    "write_wav",
]


#: samples read at a time: memory does not grow with the clip
_BLOCK = 65_536
#: what libsndfile calls it
_WAV = ("WAV", "WAVEX", "RF64")


def read_sound(source: Path | bytes, sample_rate: int = 16000) -> np.ndarray:
    """The whole sound of a file, as one channel.

    Args:
        source: an audio or video file, or its content
        sample_rate: in Hz; sound of another rate is resampled

    Returns:
        float32 in [-1, 1] [shape=(samples,)], the mean of the channels

    Raises:
        MediaError: `no-sound` for a file without an audio stream, `unreadable` for one that is
            broken
    """
    return np.concatenate([*blocks(source, sample_rate)])


def blocks(source: Path | bytes, sample_rate: int) -> Iterator[np.ndarray]:
    """The sound of a file block by block, as it is decoded; see `read_sound`."""
    resampler, samples = None, 0
    for rate, block in _decoded(source):
        if not np.isfinite(block).all():
            raise MediaError("unreadable", f"{name(source)} holds samples that are no number")
        samples += len(block)
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
            for block in wav.blocks(_BLOCK, dtype="float32", always_2d=True):
                yield wav.samplerate, block.mean(axis=1)
        return
    with opened(source) as container:
        if not container.streams.audio:
            raise MediaError("no-sound", f"{name(source)} has no sound: there is no audio stream")
        stream = container.streams.audio[0]
        decoder = Decoder()
        for packet in container.demux(stream):
            yield from ((stream.rate, block) for block in decoder.take(packet))
        yield from ((stream.rate, block) for block in decoder.rest())


def opened_wav(source: Path | bytes) -> Any:
    """A WAV file as a `soundfile.SoundFile`, which reads it twenty times as fast as FFmpeg.

    Returns:
        None for what is no WAV file, or one that libsndfile does not read
    """
    import soundfile

    try:
        file = soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except soundfile.LibsndfileError:
        return None
    if file.format in _WAV:
        return file
    file.close()
    return None


class Decoder:
    """Turns the packets of one audio stream into blocks of samples, as they come."""

    def __init__(self) -> None:
        import av

        # to float only: its own mono mix is 3 dB louder for float sources than for integers
        self._resampler = av.AudioResampler(format="fltp")
        self._damaged = av.error.InvalidDataError
        self._started = False

    def take(self, packet: Any) -> list[np.ndarray]:
        """Decode an `av.Packet`; a damaged one is passed over, as players do.

        Returns:
            float32 arrays [shape=(samples,)], the mean of the channels

        Raises:
            MediaError: `unreadable`, the stream changes its format midway
        """
        try:
            frames = packet.decode()
        except self._damaged:
            return []
        self._started |= bool(frames)
        return [block for frame in frames for block in self._floats(frame)]

    def rest(self) -> list[np.ndarray]:
        """What the resampler still holds after the last packet."""
        return self._floats(None) if self._started else []

    def _floats(self, frame: Any) -> list[np.ndarray]:
        try:
            return [out.to_ndarray().mean(axis=0) for out in self._resampler.resample(frame)]
        except ValueError as error:
            raise MediaError("unreadable", f"the sound changes midway ({error})") from None


def write_wav(path: Path, sound: np.ndarray | Iterable[np.ndarray], sample_rate: int) -> None:
    """Write a WAV file of 16 bits, whole or not at all.

    Args:
        path: the file; one that stands there is replaced
        sound: float in [-1, 1] [shape=(samples,)], or its blocks; what is louder is clipped
        sample_rate: in Hz
    """
    parts = [sound] if isinstance(sound, np.ndarray) else sound
    with whole(path) as beside, wave.open(str(beside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for part in parts:
            levels = np.clip(np.rint(np.asarray(part, np.float64) * 32768), -32768, 32767)
            file.writeframes(levels.astype("<i2").tobytes())


def peak_dbfs(sound: np.ndarray) -> float:
    """The loudest sample, in decibels below full scale; -inf where all are zero.

    Args:
        sound: float in [-1, 1] [shape=(samples,)]
    """
    peak = float(np.abs(sound).max(initial=0))
    return 20 * float(np.log10(peak)) if peak > 0 else float("-inf")


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
    peak = peak_dbfs(sound)
    if peak < silence_dbfs:
        found = f"the sound peaks at {peak:.0f} dBFS" if np.isfinite(peak) else "nothing but zeros"
        raise MediaError(
            "silent",
            f"{found}, at least {silence_dbfs:g} dBFS are expected: check the microphone",
        )
