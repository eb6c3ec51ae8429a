"""A small spoken and drawn corpus in the shape of RAVDESS, made on the spot.

It is synthetic: a speech synthesiser's voices, drawn faces, and rules of thumb for what an emotion
sounds and looks like. It proves that the machinery runs from recording to served model, anywhere
and without a download. It says nothing about accuracy on people: never report a figure from it.

The same seed and settings give the same files, byte for byte, on one machine.
"""

import io
import wave
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from ..corpus.adapters.ravdess import MODALITIES, NO_SINGER, SUNG, Recording
from ..emotions import EMOTIONS
from ..engine import run
from ..io import atomic_write
from ..settings import Sample
from .face import FRAME_RATE, frames
from .head import SIZE
from .voice import SAMPLE_RATE, envelope, sing, speak

__all__ = ["make", "perform", "performances"]

#: how strongly an emotion is acted, by intensity
_STRENGTHS = {1: 0.75, 2: 1.15}
_SPEECH, _SONG = 1, 2


def make(target: Path, settings: Sample, seed: int) -> int:
    """Write the corpus as the published archives unpack.

    Args:
        target: folder for the archives' folders; files that are there already are replaced
        settings: how much of it
        seed: of every random draw

    Returns:
        how many files
    """
    takes = list(performances(settings))
    return sum(run(partial(perform, target, seed=seed), takes, title="sample corpus", unit="take"))


def performances(settings: Sample) -> Iterator[Recording]:
    """Every performance, named by its audio-only recording."""
    for actor in range(1, settings.actors + 1):
        for channel in (_SPEECH, _SONG):
            if channel == _SONG and actor == NO_SINGER:
                continue
            for place, (emotion, intensity) in enumerate(_takes(channel)):
                for repetition in range(1, settings.repetitions + 1):
                    # one statement of two: which one tells neither emotion nor sex
                    chosen = 1 + (place + repetition + (actor - 1) // 2) % 2
                    for statement in (chosen,) if settings.statements == 1 else (1, 2):
                        yield Recording(
                            3, channel, emotion, intensity, statement, repetition, actor
                        )


def _takes(channel: int) -> list[tuple[int, int]]:
    """Emotion and intensity of each take. There is no strong neutral."""
    if channel == _SONG:
        return [(emotion, 1) for emotion in range(1, len(SUNG) + 1)]
    return [
        (emotion, intensity)
        for emotion in range(1, len(EMOTIONS) + 1)
        for intensity in ((1,) if emotion == 1 else (1, 2))
    ]


def perform(target: Path, performance: Recording, seed: int) -> int:
    """Write one performance in its three modalities.

    Args:
        target: folder for the archives' folders
        performance: any recording of it
        seed: of every random draw

    Returns:
        how many files
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
    opening = envelope(sound, np.arange(count) / float(rate))
    pictures = frames(performance.actor, emotion, strength, opening, seed, take)
    film = _encoded(pictures)
    contents = {1: _film(film, samples), 2: _film(film, np.zeros_like(samples)), 3: _wav(samples)}
    for modality in MODALITIES:
        with atomic_write(target / replace(performance, modality=modality).file) as file:
            file.write_bytes(contents[modality])
    return len(contents)


def _wav(samples: NDArray[np.int16]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def _encoded(pictures: Iterator[NDArray[np.uint8]]) -> bytes:
    """An MP4 with the pictures alone."""
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


def _film(pictures: bytes, samples: NDArray[np.int16]) -> bytes:
    """The pictures, packet by packet as they are, with a sound track."""
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
