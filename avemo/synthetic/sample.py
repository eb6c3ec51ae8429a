"""A small corpus in the form of RAVDESS, spoken and drawn by programs.

It is synthetic: a speech synthesiser's voices, drawn faces, and rules of thumb for what an emotion
sounds and looks like. It proves that the pipeline runs from recording to served model, anywhere and
without a download. It says nothing about accuracy on people: never report a figure from it.

The same seed and settings give the same files, byte for byte, on one machine.
"""

import io
import wave
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from ..corpus.adapters.ravdess import EMOTIONS, MODALITIES, NO_SINGER, SUNG, Recording
from ..engine import run
from ..io import atomic_write
from ..settings import Sample
from .face import FRAME_RATE, draw_frames
from .head import SIZE
from .voice import SAMPLE_RATE, mouth_opening, sing, speak

__all__ = ["list_performances", "write_performance", "write_sample"]

#: how strongly an emotion is acted, by intensity
_STRENGTHS = {1: 0.75, 2: 1.15}
_SPEECH, _SONG = 1, 2
_INTENSITIES = {"normal": 1, "strong": 2}


def write_sample(target: Path, settings: Sample, seed: int) -> int:
    """Write the corpus as the published archives unpack.

    Args:
        target: folder for the archives' folders; files that exist are replaced
        settings: actors, statements and repetitions
        seed: of every random draw

    Returns:
        how many files were written
    """
    takes = list(list_performances(settings))
    return sum(
        run(
            partial(write_performance, target, seed=seed), takes, title="sample corpus", unit="take"
        )
    )


def list_performances(settings: Sample) -> Iterator[Recording]:
    """Yield every performance, named by its audio-only recording."""
    for actor in range(1, settings.actors + 1):
        for channel in (_SPEECH, _SONG):
            name = "song" if channel == _SONG else "speech"
            if name not in settings.channels or (channel == _SONG and actor == NO_SINGER):
                continue
            for place, (emotion, intensity) in enumerate(_takes(channel, settings.intensities)):
                for repetition in range(1, settings.repetitions + 1):
                    # one statement of two: which one tells neither emotion nor sex
                    statement_of_take = 1 + (place + repetition + (actor - 1) // 2) % 2
                    for statement in (statement_of_take,) if settings.statements == 1 else (1, 2):
                        yield Recording(
                            3, channel, emotion, intensity, statement, repetition, actor
                        )


def _takes(channel: int, names: Sequence[str]) -> list[tuple[int, int]]:
    """Return emotion and intensity of each take. Neutral is never strong, nor is song here."""
    if channel == _SONG:
        return [(emotion, 1) for emotion in range(1, len(SUNG) + 1)]
    intensities = [number for name, number in _INTENSITIES.items() if name in names]
    return [
        (emotion, intensity)
        for emotion in range(1, len(EMOTIONS) + 1)
        for intensity in ((1,) if emotion == 1 else intensities)
    ]


def write_performance(target: Path, performance: Recording, seed: int) -> int:
    """Write a performance in its three modalities.

    Args:
        target: folder for the archives' folders
        performance: any recording of it
        seed: of every random draw

    Returns:
        how many files were written
    """
    cv2.setNumThreads(1)  # the performances are spread over the cores already
    emotion, strength = performance.emotion - 1, _STRENGTHS[performance.intensity]
    # one number for all that tells an actor's takes apart
    take = int(performance.performance.replace("-", "")) // 100
    voice = speak if performance.channel == _SPEECH else sing
    sound = voice(performance.actor, emotion, strength, performance.statement, seed, take)
    samples = np.round(sound * 32767).astype(np.int16)
    rate = Fraction(*FRAME_RATE)
    count = int(len(samples) / SAMPLE_RATE * rate)
    opening = mouth_opening(sound, np.arange(count) / float(rate))
    pictures = draw_frames(performance.actor, emotion, strength, opening, seed, take)
    film = _encode_pictures(pictures)
    contents = {
        1: _add_sound(film, samples),
        2: _add_sound(film, np.zeros_like(samples)),
        3: _encode_wav(samples),
    }
    for modality in MODALITIES:
        with atomic_write(target / replace(performance, modality=modality).file) as file:
            file.write_bytes(contents[modality])
    return len(contents)


def _encode_wav(samples: NDArray[np.int16]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def _encode_pictures(pictures: Iterator[NDArray[np.uint8]]) -> bytes:
    """Return an MP4 with the pictures alone."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        # With several threads the bytes depend on the machine's load; with the macroblock tree they
        # depend, rarely, on what was in memory before, on processors with AVX-512.
        options = {"preset": "veryfast", "crf": "23", "threads": "1", "x264-params": "mbtree=0"}
        stream = container.add_stream("libx264", rate=Fraction(*FRAME_RATE), options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _add_sound(pictures: bytes, samples: NDArray[np.int16]) -> bytes:
    """Return an MP4 with the same picture packets and a sound track."""
    buffer = io.BytesIO()
    film = av.open(io.BytesIO(pictures), "r")
    with film as source, av.open(buffer, "w", format="mp4") as container:
        video = container.add_stream_from_template(source.streams.video[0])
        audio = container.add_stream("aac", rate=SAMPLE_RATE, options={"aac_coder": "fast"})
        audio.layout, audio.bit_rate = "mono", 128000
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), 0
        sound = [*audio.encode(frame), *audio.encode()]
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                container.mux(packet)
        container.mux(sound)
    return buffer.getvalue()
