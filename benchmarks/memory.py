"""Peak memory on a long film, against a short one."""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
from av import Packet
from av.video.stream import VideoStream

from avemo.config import load_settings
from avemo.errors import AssetError, MediaError

from .measuring import Options
from .results import Benchmark, Comparison

RATE = 25
SHORT_S, LONG_S = 10, 600
STEPS = ("measured", "faces", "soundtrack", "audio features")


def run(scratch: Path, options: Options) -> Benchmark:
    """Compare the peak memory of each step that opens a film, in a process of its own."""
    short = _write_film(scratch / "short.mp4", SHORT_S)
    long = _write_film(scratch / "long.mp4", LONG_S)
    comparisons = []
    for step in STEPS:
        try:
            short_mb, long_mb = _peak_mb(step, short), _peak_mb(step, long)
        except AssetError:  # no weights for the faces
            continue
        comparisons.append(
            Comparison(
                what=step,
                ours=f"{long_mb:.0f} MB",
                other=f"{short_mb:.0f} MB",
                ratio=long_mb / short_mb,
                target="at most 1.1, under 700 MB",
            )
        )
    return Benchmark(
        about=f"Peak memory on a film of {LONG_S} s at 1280×720 with sound (made on the spot), "
        f"against one of {SHORT_S} s (other), each step in a process of its own.",
        comparisons=comparisons,
        limit="Pictures, measures and soundtracks are streams. Audio features hold the sound at "
        "16 kHz and the features themselves: 4 MB and 2 MB a minute. Those with pretrained weights "
        "hold more, and are not among them.",
    )


def _peak_mb(step: str, film: Path) -> float:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_run_step, step, film).result()


def _run_step(step: str, film: Path) -> float:
    """Run a step in this process, and return its peak memory in MB."""
    settings = load_settings(Path(__file__).parents[1])
    if step == "measured":
        from avemo.media.probe import probe

        assert probe(film).has_sound
    elif step == "faces":
        from avemo.faces.detectors import weights
        from avemo.faces.extract import Extraction

        faces = settings.faces.model_copy(update={"min_score": 0.0})
        with suppress(MediaError):  # noise is no face
            Extraction(faces, *weights.resolve("yunet"))(film, ["faces"])
    elif step == "soundtrack":
        from avemo.media.sound import read_sound_blocks, write_wav

        write_wav(film.with_suffix(".wav"), read_sound_blocks(film, 16000), 16000)
    else:
        from avemo.features.extractor import audio_extractors
        from avemo.features.registry import extractor_class
        from avemo.features.run import extract_audio

        extractors = {
            name: extractor_class(name)(own_settings)
            for name, own_settings in settings.extractors_of("audio").items()
            if not extractor_class(name).weight_names
        }
        extract_audio(film, audio_extractors(extractors))
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak_kb,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak_kb) / 1024


def _write_film(target: Path, seconds: int) -> Path:
    """Write a film: ten seconds of moving noise and a tone, again and again."""
    stream, packets = _encode_pictures()
    ticks_per_frame = 1 / (RATE * (stream.time_base or Fraction(0)))
    with av.open(str(target), "w") as container:
        video = container.add_stream_from_template(stream)
        audio = container.add_stream("aac", rate=48000, layout="mono")
        for repetition in range(seconds // SHORT_S):
            for original in packets:
                packet = av.Packet(bytes(original))
                packet.stream, packet.time_base = video, Fraction(1, RATE)
                packet.pts, packet.dts = (
                    int((ticks or 0) / ticks_per_frame) + repetition * SHORT_S * RATE
                    for ticks in (original.pts, original.dts)
                )
                packet.is_keyframe = original.is_keyframe
                packet.duration = 1
                container.mux(packet)
            tone = np.sin(np.arange(SHORT_S * 48000) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="flt", layout="mono")
            frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
            frame.pts = repetition * SHORT_S * 48000
            container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return target


def _encode_pictures() -> tuple[VideoStream, list[Packet[VideoStream]]]:
    """Return a stream of moving noise, `SHORT_S` seconds long, and its packets."""
    buffer = io.BytesIO()
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (90, 160, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(buffer, "w", format="mp4") as container:
        encoder = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        encoder.width, encoder.height, encoder.pix_fmt = 1280, 720, "yuv420p"
        for index in range(SHORT_S * RATE):
            image = np.roll(noise, 4 * index, axis=1)
            container.mux(encoder.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(encoder.encode())
    buffer.seek(0)
    source = av.open(buffer, "r")
    stream = source.streams.video[0]
    return stream, [packet for packet in source.demux(stream) if packet.dts is not None]
