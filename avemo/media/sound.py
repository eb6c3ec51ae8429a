"""Sound out of media files, and into them."""

import io
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MediaError
from ..files import whole
from .container import is_wav, name, opened

__all__ = [
    "BLOCK",
    "Decoder",
    "blocks",
    "check_sound",
    "opened_wav",
    "peak_dbfs",
    "read_sound",
    "wav_blocks",
    "write_wav",
]


#: samples read at a time: memory does not grow with the clip
BLOCK = 65_536
#: what libsndfile reads to the same samples as FFmpeg
_PLAIN = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


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
            yield from ((wav.samplerate, _mono(block)) for block in wav_blocks(wav))
        return
    with opened(source) as container:
        if not container.streams.audio:
            raise MediaError("no-sound", f"{name(source)} has no sound: there is no audio stream")
        stream = container.streams.audio[0]
        decoder = Decoder()
        for packet in container.demux(stream):
            for block in decoder.take(packet):
                yield decoder.sample_rate, _mono(block)


def _mono(block: np.ndarray) -> np.ndarray:
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)


def opened_wav(source: Path | bytes) -> Any:
    """A WAV file as a `soundfile.SoundFile`, which reads it twenty times as fast as FFmpeg.

    Returns:
        None for what is no WAV file of plain samples
    """
    import soundfile

    try:
        if not is_wav(_head(source)):
            return None
        file = soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (OSError, soundfile.LibsndfileError):
        return None
    if file.subtype in _PLAIN:
        return file
    file.close()
    return None


def wav_blocks(file: Any) -> Iterator[np.ndarray]:
    """What `opened_wav` opened, as float32 blocks [shape=(samples, channels)]."""
    # libsndfile takes thrice as long to make floats of integers
    kind = "int16" if file.subtype == "PCM_16" else "float32"
    while len(block := file.read(BLOCK, dtype=kind, always_2d=True)):
        yield block if kind == "float32" else block.astype(np.float32) * np.float32(2**-15)


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:12]
    with source.open("rb") as file:
        return file.read(12)


class Decoder:
    """Turns the packets of one audio stream into blocks of samples, as they come."""

    def __init__(self) -> None:
        import av

        # To floats only: FFmpeg's own mono mix is 3 dB louder for float sources than for integers.
        # Packed, not by channel: PyAV crashes on more than eight.
        self._resampler = av.AudioResampler(format="flt")
        self._damaged = av.error.InvalidDataError
        self.sample_rate = 0  # in Hz, once a block has come
        self.channels = 0

    def take(self, packet: Any) -> list[np.ndarray]:
        """Decode an `av.Packet`; a damaged one is passed over, as players do.

        Returns:
            float32 arrays [shape=(samples, channels)]

        Raises:
            MediaError: `unreadable`, the stream changes its format midway
        """
        try:
            frames = packet.decode()
        except self._damaged:
            return []
        if frames and not self.channels:
            self.sample_rate = frames[0].sample_rate
            self.channels = frames[0].layout.nb_channels
        return [block for frame in frames for block in self._floats(frame)]

    def _floats(self, frame: Any) -> list[np.ndarray]:
        try:
            blocks = [block.to_ndarray() for block in self._resampler.resample(frame)]
        except ValueError as error:
            raise MediaError("unreadable", f"the sound changes midway ({error})") from None
        return [block.reshape(-1, self.channels) for block in blocks]


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
