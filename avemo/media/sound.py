"""Sound out of media files, and into them."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MediaError
from ..files import whole
from .container import name, opened

__all__ = ["Decoder", "check_sound", "peak_dbfs", "read_sound", "write_wav"]


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
    with opened(source) as container:
        if not container.streams.audio:
            raise MediaError("no-sound", f"{name(source)} has no sound: there is no audio stream")
        stream = container.streams.audio[0]
        decoder = Decoder(sample_rate)
        blocks = [block for packet in container.demux(stream) for block in decoder.take(packet)]
        blocks += decoder.rest()
    if not blocks:
        raise MediaError("unreadable", f"the sound of {name(source)} does not decode")
    sound = np.concatenate(blocks)
    if not np.isfinite(sound).all():
        raise MediaError("unreadable", f"{name(source)} holds samples that are no number")
    return sound


class Decoder:
    """Turns the packets of one audio stream into blocks of samples, as they come.

    Args:
        sample_rate: in Hz; by default the stream's own
    """

    def __init__(self, sample_rate: int | None = None) -> None:
        import av

        # to float only: its own mono mix is 3 dB louder for float sources than for integers
        self._resampler = av.AudioResampler(format="fltp", rate=sample_rate)
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
        return [block for frame in frames for block in self._resampled(frame)]

    def rest(self) -> list[np.ndarray]:
        """What the resampler still holds after the last packet."""
        return self._resampled(None) if self._started else []

    def _resampled(self, frame: Any) -> list[np.ndarray]:
        try:
            return [out.to_ndarray().mean(axis=0) for out in self._resampler.resample(frame)]
        except ValueError as error:
            raise MediaError("unreadable", f"the sound changes midway ({error})") from None


def write_wav(path: Path, sound: np.ndarray, sample_rate: int) -> None:
    """Write a WAV file of 16 bits, whole or not at all.

    Args:
        path: the file; one that stands there is replaced
        sound: float in [-1, 1] [shape=(samples,)]; what is louder is clipped
        sample_rate: in Hz
    """
    import soundfile

    with whole(path) as beside:
        content = io.BytesIO()  # libsndfile does not say that the disk is full
        soundfile.write(content, sound, sample_rate, subtype="PCM_16", format="WAV")
        beside.write_bytes(content.getvalue())


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
