"""A file's sound as it is decoded, at its own rate; what is damaged is refused."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MediaError
from .container import MediaFile, PacketCounter, truncation_error
from .continuity import Continuity, TimedBlock

if TYPE_CHECKING:
    from av import Packet
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.stream import Stream
    from numpy.typing import NDArray

__all__ = ["BLOCK_SAMPLES", "MAX_AMPLITUDE", "AudioDecoder", "open_wav", "read_wav_blocks"]

#: samples that are read at a time: memory does not grow with the clip
BLOCK_SAMPLES = 65_536
#: what libsndfile reads to the same samples as FFmpeg
_PLAIN_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
#: Hz; a header with another rate is damaged
_MIN_RATE, _MAX_RATE = 1_000, 768_000
#: full scale is 1, and a float file may hold more; but not 30 dB more
MAX_AMPLITUDE = 32.0


def open_wav(file: MediaFile) -> Any:
    """Open a WAV file as a `soundfile.SoundFile`, which reads it twenty times as fast as FFmpeg.

    Returns:
        None for anything but a WAV file of plain samples

    Raises:
        MediaError: `unreadable`: a WAV or Wave64 file that is cut short
    """
    import soundfile

    file.require_whole_wave()
    if not file.is_wav:
        return None
    try:
        wav = soundfile.SoundFile(file.rewound())
    except (OSError, soundfile.LibsndfileError):
        return None
    if wav.subtype in _PLAIN_SUBTYPES and wav.frames:  # no frames: a header never completed
        return wav
    wav.close()
    return None


def read_wav_blocks(wav: Any) -> Iterator[NDArray[np.float32]]:
    """Yield the sound of a file that `open_wav` opened.

    Args:
        wav: a `soundfile.SoundFile`

    Yields:
        blocks [shape=(samples, channels)]

    Raises:
        MediaError: `unreadable`: an impossible sample rate, samples that are no numbers
    """
    _check_rate(wav.samplerate)
    if wav.subtype == "PCM_16":  # libsndfile takes three times as long to convert to floats
        while len(integers := wav.read(BLOCK_SAMPLES, dtype="int16", always_2d=True)):
            yield integers.astype(np.float32) * np.float32(2**-15)
        return
    check = _SampleCheck()
    while len(block := wav.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
        if check.accept(block):
            yield block
    check.finish()


class AudioDecoder:
    """Turns the packets of an audio stream into blocks of samples, as they come.

    Args:
        stream: the stream; None for a file without one, which has no packets
        file: the file that it is of
        zero: time stamp of the clip's start, in seconds

    Attributes:
        start: when the first sample is heard, in seconds from the clip's start
    """

    def __init__(self, stream: AudioStream | None, file: MediaFile, zero: Fraction) -> None:
        import av

        # To floats only: FFmpeg's own mono mix is 3 dB louder for float sources than for integers.
        # Packed, not by channel: PyAV crashes on more than eight.
        self._resampler = av.AudioResampler(format="flt")
        self._damaged = av.error.InvalidDataError
        self._stream = stream
        self._file = file
        self._counter = PacketCounter(stream, is_torn=file.is_torn)
        self._check = _SampleCheck()
        self._continuity = Continuity(zero)
        self.sample_rate = 0  # Hz, known from the first block on
        self.channels = 0
        self.start: Fraction | None = None

    def decode(self, packet: Packet[Stream]) -> list[NDArray[np.float32]]:
        """Decode a packet; a damaged one is skipped, as players do.

        Returns:
            blocks [shape=(samples, channels)]

        Raises:
            MediaError: `unreadable`: the format changes midway, or the sample rate is impossible
        """
        self._counter.add(packet)
        try:
            frames = self._stream.decode(packet) if self._stream else []
        except self._damaged:
            return []
        if frames and not self.channels:
            self.sample_rate = frames[0].sample_rate
            self.channels = frames[0].layout.nb_channels
            _check_rate(self.sample_rate)
        return [block for frame in frames for block in self._to_blocks(frame)]

    def flush(self) -> list[NDArray[np.float32]]:
        """Return the blocks that waited for a next one, once all packets are decoded."""
        return self._started(self._continuity.finish())

    def check(self) -> None:
        """Check the stream as a whole, once all its packets are decoded.

        Raises:
            MediaError: `unreadable`: cut short, or samples that are no numbers
        """
        self._check.finish()
        if self._counter.loss:
            raise truncation_error(self._file, self._counter.loss)

    def _to_blocks(self, frame: AudioFrame) -> list[NDArray[np.float32]]:
        try:
            resampled = self._resampler.resample(frame)
        except ValueError as error:
            raise MediaError("unreadable", f"the sound changes midway ({error})") from None
        shape = (-1, self.channels)
        blocks = [np.asarray(part.to_ndarray(), np.float32).reshape(shape) for part in resampled]
        return [
            timed
            for block in blocks
            if self._check.accept(block)
            for timed in self._started(self._continuity.place(frame, block))
        ]

    def _started(self, blocks: Iterator[TimedBlock]) -> list[NDArray[np.float32]]:
        placed = list(blocks)
        if placed and self.start is None:
            self.start = placed[0].start
        return [block.samples for block in placed]


class _SampleCheck:
    """Looks for samples that are no numbers or are far beyond full scale."""

    def __init__(self) -> None:
        self._samples = 0
        self._not_finite = 0
        self._peak = 0.0

    def accept(self, block: NDArray[np.float32]) -> bool:
        """Return whether a block can be used."""
        self._samples += block.size
        amplitude = np.abs(block)
        if amplitude.max(initial=0) <= MAX_AMPLITUDE:  # false for NaN
            return True
        finite = np.isfinite(block)
        self._not_finite += block.size - int(finite.sum())
        self._peak = max(self._peak, float(amplitude.max(initial=0, where=finite)))
        return False

    def finish(self) -> None:
        """Raise MediaError if a block could not be used."""
        if self._not_finite:
            raise MediaError(
                "unreadable",
                f"{self._not_finite:,} of the sound's {self._samples:,} samples are no number (NaN"
                " or infinite), all are expected to be: export the recording anew",
            )
        if self._peak > MAX_AMPLITUDE:
            raise MediaError(
                "unreadable",
                f"the sound's samples reach {self._peak:,.0f}, at most {MAX_AMPLITUDE:.0f} are"
                " expected where full scale is 1: divide them by their own full scale",
            )


def _check_rate(sample_rate: int) -> None:
    if not _MIN_RATE <= sample_rate <= _MAX_RATE:
        raise MediaError(
            "unreadable",
            f"a sample rate of {sample_rate:,} Hz, {_MIN_RATE:,} to {_MAX_RATE:,} Hz are expected:"
            " the file's header is damaged",
        )
