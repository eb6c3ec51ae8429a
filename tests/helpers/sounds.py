"""A sound whose every sample is known at every rate, and files of it in any format."""

import io
import tempfile
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

#: what libsndfile writes: container and sample format, by the name of a test
PLAIN = {
    "wav-8": ("WAV", "PCM_U8"),
    "wav-16": ("WAV", "PCM_16"),
    "wav-24": ("WAV", "PCM_24"),
    "wav-32": ("WAV", "PCM_32"),
    "wav-float": ("WAV", "FLOAT"),
    "wav-double": ("WAV", "DOUBLE"),
    "wavex-24": ("WAVEX", "PCM_24"),
    "rf64-16": ("RF64", "PCM_16"),
    "w64-16": ("W64", "PCM_16"),
    "aiff-8": ("AIFF", "PCM_S8"),
    "aiff-16": ("AIFF", "PCM_16"),
    "aiff-float": ("AIFF", "FLOAT"),
    "au-16": ("AU", "PCM_16"),
    "caf-16": ("CAF", "PCM_16"),
    "flac-8": ("FLAC", "PCM_S8"),
    "flac-16": ("FLAC", "PCM_16"),
    "flac-24": ("FLAC", "PCM_24"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
#: what FFmpeg writes: container and codec
CODED = {
    "m4a": ("ipod", "aac"),
    "m4a-fast": ("ipod", "aac"),  # with its index in front
    "alac": ("ipod", "alac"),
    "adts": ("adts", "aac"),
    "mka": ("matroska", "aac"),
    "webm": ("webm", "libopus"),
    "mov-16": ("mov", "pcm_s16le"),
    "mov-float": ("mov", "pcm_f32le"),
    "avi-16": ("avi", "pcm_s16le"),
}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def voice(rate: int, seconds: float = 1.0, level: float = 0.5) -> NDArray[np.float64]:
    """Return a gliding tone of 70 to 170 Hz with its overtones up to 3.4 kHz, swelling and fading.

    Returns:
        float64 [shape=(samples,)]
    """
    time = np.arange(round(rate * seconds)) / rate
    phase = 2 * np.pi * 120 * time - 50 / 1.5 * np.cos(2 * np.pi * 1.5 * time)
    tones = sum(np.sin(k * phase + k * k) / k for k in range(1, 20))
    return level * np.sin(np.pi * time / seconds) ** 2 * tones / 2.5


def encoded(sound: NDArray[np.floating], rate: int, format: str = "wav-16") -> bytes:
    """Return the content of a file with a sound.

    Args:
        sound: [shape=(samples,) or (samples, channels)]
        rate: in Hz
        format: of `PLAIN` or `CODED`
    """
    if format in CODED:
        return _coded(sound, rate, format)
    container, subtype = PLAIN[format]
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=container, subtype=subtype)
    return file.getvalue()


def _coded(sound: NDArray[np.floating], rate: int, format: str) -> bytes:
    container, codec = CODED[format]
    channels = np.ascontiguousarray(np.atleast_2d(np.asarray(sound, np.float32).T))
    layout = LAYOUTS[len(channels)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        options = {"movflags": "faststart"} if format == "m4a-fast" else {}
        with av.open(str(path), "w", format=container, options=options) as file:
            stream = file.add_stream(codec, rate=rate, layout=layout)
            assert isinstance(stream, av.AudioStream)
            stream.bit_rate = 64_000 * len(channels)
            frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            sample_format = stream.codec_context.format
            assert sample_format is not None
            resampler = av.AudioResampler(format=sample_format.name, layout=layout, rate=rate)
            for block in (*resampler.resample(frame), *resampler.resample(None)):
                file.mux(stream.encode(block))
            file.mux(stream.encode(None))
        return path.read_bytes()


def align_sound(
    sound: NDArray[np.floating], expected: NDArray[np.floating]
) -> tuple[int, NDArray[np.floating]]:
    """Return where the expected sound begins in another, and that part of it.

    Returns:
        samples before it, and float [shape=(samples,)], as much of it as there is
    """
    size = len(sound) + len(expected)
    spectra = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(expected, size))
    lag = int(np.fft.irfft(spectra, size).argmax())
    return lag, sound[lag : lag + len(expected)]
