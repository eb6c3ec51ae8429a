"""Peak memory on a long film, against a short one."""

from __future__ import annotations

import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import Packet
from av.video.stream import VideoStream

from avemo.errors import AssetError
from avemo.pretrained import assets

RATE = 25
SHORT_S, LONG_S = 10, 600

WORK = """
import sys
from contextlib import suppress
from pathlib import Path
from avemo.errors import MediaError
from avemo.media.probe import probe
from avemo.faces import extract as faces
from avemo.features.registry import extractor_class
from avemo.features.run import extract_audio
from avemo.config import load_settings
from avemo.media.sound import read_sound_blocks, write_wav

what, film, weights = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
settings = load_settings(Path("."))
if what == "measured":
    assert probe(film).has_sound
elif what == "faces":
    extraction = faces.Extraction(
        settings.faces.model_copy(update={"min_score": 0.0}), "scrfd_500m", weights.read_bytes()
    )
    with suppress(MediaError):  # noise is no face
        extraction(film, ["faces"])
elif what == "soundtrack":
    write_wav(film.with_suffix(".wav"), read_sound_blocks(film, 16000), 16000)
else:
    audio = settings.extractors_of("audio")
    extractors = {name: extractor_class(name) for name in audio}
    light = {name: one(audio[name]) for name, one in extractors.items() if not one.weight_names}
    extract_audio(film, light)
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""


def bench(scratch: Path, given: Path | None) -> dict[str, Any]:
    """Each step that opens a film, in a process of its own."""
    short = _write_film(scratch / "short.mp4", SHORT_S)
    long = _write_film(scratch / "long.mp4", LONG_S)
    rows = []
    for what in ("measured", "faces", "soundtrack", "audio features"):
        weights = _weights() if what == "faces" else Path("-")
        if weights is None:
            continue
        small, large = _peak(what, short, weights), _peak(what, long, weights)
        rows.append(
            {
                "what": what,
                "ours": f"{large:.0f} MB",
                "other": f"{small:.0f} MB",
                "ratio": large / small,
                "wanted": "at most 1.1, under 700 MB",
            }
        )
    return {
        "about": f"Peak memory on a film of {LONG_S} s at 1280×720 with sound (made on the spot), "
        f"against one of {SHORT_S} s (other), each step in a process of its own.",
        "rows": rows,
        "limit": "Pictures, measures and soundtracks are streams. Audio features hold the sound at "
        "16 kHz and the features themselves: 4 MB and 2 MB a minute. Those with pretrained weights "
        "hold more, and are not among them.",
    }


def _weights() -> Path | None:
    try:
        return assets.get("scrfd_500m")
    except AssetError:
        return None


def _peak(what: str, film: Path, weights: Path) -> float:
    """In MB."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, what, str(film), str(weights)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1]) / 1024


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
