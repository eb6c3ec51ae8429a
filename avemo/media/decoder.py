"""A file's sound as it is decoded, at its own rate: whole and made of numbers, or refused."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MediaError
from .container import Packets, cut_short, is_wav

__all__ = ["BLOCK", "Decoder", "opened_wav", "wav_blocks"]

#: samples read at a time: memory does not grow with the clip
BLOCK = 65_536
#: what libsndfile reads to the same samples as FFmpeg
_PLAIN = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
#: Hz; a header that says otherwise is damaged
_RATES = (1_000, 768_000)
#: full scale is 1, and a float file may hold more; but not 30 dB more
_LOUDEST = 32.0


def opened_wav(source: Path | bytes) -> Any:
    """A WAV file as a `soundfile.SoundFile`, which reads it twenty times as fast as FFmpeg.

    Returns:
        None for what is no WAV file of plain samples

    Raises:
        MediaError: `unreadable`: empty, does not open, or cut short
    """
    import soundfile

    if not is_wav(source):
        return None
    try:
        file = soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (OSError, soundfile.LibsndfileError):
        return None
    if file.subtype in _PLAIN and file.frames:  # a head that was never closed: FFmpeg goes on
        return file
    file.close()
    return None


def wav_blocks(file: Any) -> Iterator[np.ndarray]:
    """What `opened_wav` opened, as float32 blocks [shape=(samples, channels)].

    Raises:
        MediaError: `unreadable`: a sample rate that is none, samples that are none
    """
    _check_rate(file.samplerate)
    if file.subtype == "PCM_16":  # libsndfile takes thrice as long to make floats of integers
        while len(integers := file.read(BLOCK, dtype="int16", always_2d=True)):
            yield integers.astype(np.float32) * np.float32(2**-15)
        return
    numbers = _Numbers()
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        if numbers.take(block):
            yield block
    numbers.check()


class Decoder:
    """Turns the packets of one audio stream into blocks of samples, as they come.

    Args:
        stream: an `av.audio.stream.AudioStream`
    """

    def __init__(self, stream: Any) -> None:
        import av

        # To floats only: FFmpeg's own mono mix is 3 dB louder for float sources than for integers.
        # Packed, not by channel: PyAV crashes on more than eight.
        self._resampler = av.AudioResampler(format="flt")
        self._damaged = av.error.InvalidDataError
        self._packets = Packets(stream)
        self._numbers = _Numbers()
        self.sample_rate = 0  # in Hz, once a block has come
        self.channels = 0

    def take(self, packet: Any) -> list[np.ndarray]:
        """Decode an `av.Packet`; a damaged one is passed over, as players do.

        Returns:
            float32 arrays [shape=(samples, channels)]

        Raises:
            MediaError: `unreadable`: the stream changes its format midway, or has a sample rate
                that is none
        """
        self._packets.take(packet)
        try:
            frames = packet.decode()
        except self._damaged:
            return []
        if frames and not self.channels:
            self.sample_rate = frames[0].sample_rate
            self.channels = frames[0].layout.nb_channels
            _check_rate(self.sample_rate)
        return [block for frame in frames for block in self._floats(frame)]

    def finish(self, source: Path | bytes) -> None:
        """Refuse a stream that was not whole, once all its packets have come.

        Args:
            source: as an error calls it

        Raises:
            MediaError: `unreadable`: cut short, or samples that are none
        """
        self._numbers.check()
        if self._packets.missing:
            raise cut_short(source, self._packets.missing)

    def _floats(self, frame: Any) -> list[np.ndarray]:
        try:
            blocks = [block.to_ndarray() for block in self._resampler.resample(frame)]
        except ValueError as error:
            raise MediaError("unreadable", f"the sound changes midway ({error})") from None
        blocks = [block.reshape(-1, self.channels) for block in blocks]
        return [block for block in blocks if self._numbers.take(block)]


class _Numbers:
    """Counts the samples that are no number, and finds those that are out of all scale."""

    def __init__(self) -> None:
        self._samples = 0
        self._wrong = 0
        self._peak = 0.0

    def take(self, block: np.ndarray) -> bool:
        """Whether a block can be used."""
        self._samples += block.size
        size = np.abs(block)
        if size.max(initial=0) <= _LOUDEST:  # no NaN is
            return True
        finite = np.isfinite(block)
        self._wrong += block.size - int(finite.sum())
        self._peak = max(self._peak, float(size.max(initial=0, where=finite)))
        return False

    def check(self) -> None:
        """Refuse the sound of which a block could not be used."""
        if self._wrong:
            raise MediaError(
                "unreadable",
                f"{self._wrong:,} of the sound's {self._samples:,} samples are no number (NaN or"
                " infinite), all are expected to be: export the recording anew",
            )
        if self._peak > _LOUDEST:
            raise MediaError(
                "unreadable",
                f"the sound's samples reach {self._peak:,.0f}, at most {_LOUDEST:.0f} are expected"
                " where full scale is 1: divide them by their own full scale",
            )


def _check_rate(sample_rate: int) -> None:
    low, high = _RATES
    if not low <= sample_rate <= high:
        raise MediaError(
            "unreadable",
            f"a sample rate of {sample_rate:,} Hz, {low:,} to {high:,} Hz are expected:"
            " the file's head is damaged",
        )
